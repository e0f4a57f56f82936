import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import { ROLLOUT_ORDERS, type RolloutOrder } from '../control/routes.ts';
import type { RolloutView } from '../jobs/rollout-view.ts';
import { EXIT } from '../service/exit-codes.ts';
import { type Run, withCommonOptions } from './command.ts';
import { DEFAULT_CONFIG } from './config-file.ts';
import { type ControlArgs, withDaemon } from './control-target.ts';
import { printable, printJson, printLines } from './output.ts';

const WORDS: Readonly<Record<RolloutOrder, { readonly summary: string; readonly description: string }>> = {
  approve: {
    summary: 'lets a rollout go on that waits for a person',
    description:
      'Goes on after "pause-after", after a rollout stopped itself, and past a wave whose devices are all away. The failures so far are taken as seen.',
  },
  pause: {
    summary: 'starts nothing more of a rollout',
    description: 'What is being sent goes on to its end. "dropflash resume" ends the pause.',
  },
  resume: {
    summary: 'ends the pause of a rollout',
    description: 'Goes on whatever the pause was for. The failures so far are taken as seen.',
  },
  abort: {
    summary: 'ends a rollout and its release for good',
    description:
      'What waits is taken out, what is being sent goes on to its end, and devices that appear later get nothing of it.',
  },
};

/** `approve`, `pause`, `resume` and `abort`: one order each, to the same address. */
export function defineRolloutOrders(program: Command, run: Run): void {
  for (const order of ROLLOUT_ORDERS) defineOrder(program, run, order);
}

function defineOrder(program: Command, run: Run, order: RolloutOrder): void {
  const { summary, description } = WORDS[order];
  const command = program
    .command(order)
    .summary(summary)
    .description(description)
    .argument('<rollout>', 'as "dropflash rollouts" prints it')
    .option('-c, --config <file>', 'the config', DEFAULT_CONFIG);
  withCommonOptions(command, [`dropflash ${order} r7f3a09b2c4`]).action((rollout: string, options: ControlArgs) =>
    run(options, (io) =>
      withDaemon(options, io, async (target) => {
        const path = `/v1/rollouts/${encodeURIComponent(rollout)}/${order}`;
        const view = await ask<RolloutView>(target, 'POST', path, {});
        if (options.json) printJson(io, view);
        else
          printLines(io.stdout, [printable(`rollout ${view.release} is ${view.state}, at ${view.stage}: ${view.why}`)]);
        return EXIT.done;
      }),
    ),
  );
}
