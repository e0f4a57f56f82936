import * as z from 'zod';
import { HOOK_EVENTS, type Hook } from '../model/hook.ts';
import { duration, expecting, listOf, oneOf, refuse, text, wholeNumber } from './values.ts';

/** One entry of `hooks:`. */
export const hookSchema = () =>
  z
    .strictObject(
      {
        on: listOf(oneOf(HOOK_EVENTS), 'events')
          .min(1, { error: 'expected at least one event' })
          .describe('The events it is for, as the log names them.'),
        run: listOf(text('a program or an argument'), 'a program and its arguments')
          .min(1, { error: 'expected a program' })
          .optional()
          .describe('A program and its arguments; it gets the event as JSON on stdin. No shell is involved.'),
        post: text('a URL')
          .refine(isWebAddress, { error: 'expected a URL that begins with http:// or https://' })
          .optional()
          .describe('A URL that the event is posted to as JSON.'),
        timeout: duration(100, 300_000).prefault('10s').describe('How long one try may take.'),
        retries: wholeNumber(0, 10).default(3).describe('Further tries after one that failed.'),
      },
      expecting('a mapping with on and either run or post'),
    )
    .transform(({ on, run, post, timeout, retries }, context): Hook => {
      const rest = { on, timeoutMs: timeout, retries };
      if (run !== undefined && post === undefined) return { ...rest, call: { kind: 'run', command: run } };
      if (post !== undefined && run === undefined) return { ...rest, call: { kind: 'post', url: post } };
      return refuse(
        context,
        'expected either run or post',
        run === undefined ? 'CONFIG_MISSING_KEY' : 'CONFIG_CONFLICT',
      );
    });

function isWebAddress(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
