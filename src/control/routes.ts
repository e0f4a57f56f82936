import { FlashError } from '../errors.ts';
import type { RolloutView } from '../jobs/rollout-view.ts';
import type {
  BatchDocument,
  ExplainDocument,
  HistoryDocument,
  JobDocument,
  ReloadDocument,
  StatusDocument,
} from './documents.ts';

/** Who gives a command. */
export interface Caller {
  /** The name that the command line gives; nothing proves it beyond the right to open the socket. */
  readonly claims: string | null;
}

/** What a person decides about a rollout. */
export const ROLLOUT_ORDERS = ['approve', 'pause', 'resume', 'abort'] as const;
/** What a person may order of a rollout: the last word of the path, and the name of the command. */
export type RolloutOrder = (typeof ROLLOUT_ORDERS)[number];

/** What the running daemon can be asked for. Each throws a FlashError where it cannot be done. */
export interface ControlActions {
  status(): StatusDocument;
  reload(by: Caller): Promise<ReloadDocument>;
  retry(job: string, force: boolean, by: Caller): JobDocument;
  /** Every failed job of a release. Throws RELEASE_NOT_FOUND. */
  retryRelease(release: string, by: Caller): BatchDocument;
  cancel(job: string, by: Caller): JobDocument;
  /** A release, or the last image of a device. Throws CONTROL_DEVICE_UNKNOWN, CONTROL_DEVICE_AMBIGUOUS. */
  undo(releaseOrDevice: string, by: Caller): BatchDocument;
  /** Throws ROLLOUT_NOT_FOUND, ROLLOUT_NOT_POSSIBLE. */
  orderRollout(release: string, order: RolloutOrder, by: Caller): RolloutView;
  history(device: string): HistoryDocument;
  explain(device: string): ExplainDocument;
}

/** A request that was found to be one: its method, path and body have been checked. */
export interface ControlRequest {
  /** What the `*` of the path stands for. */
  readonly argument: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly by: Caller;
}

interface Route {
  readonly method: 'GET' | 'POST';
  /** Segments after `/v1/`; `*` takes any one. */
  readonly path: readonly string[];
  answer(request: ControlRequest, actions: ControlActions): unknown;
}

const ROUTES: readonly Route[] = [
  { method: 'GET', path: ['status'], answer: (_request, actions) => actions.status() },
  { method: 'POST', path: ['reload'], answer: ({ by }, actions) => actions.reload(by) },
  {
    method: 'POST',
    path: ['jobs', '*', 'retry'],
    answer: ({ argument, body, by }, actions) => actions.retry(argument, flagOf(body, 'force'), by),
  },
  {
    method: 'POST',
    path: ['jobs', '*', 'cancel'],
    answer: ({ argument, by }, actions) => actions.cancel(argument, by),
  },
  {
    method: 'POST',
    path: ['rollouts', '*', 'retry'],
    answer: ({ argument, by }, actions) => actions.retryRelease(argument, by),
  },
  { method: 'POST', path: ['undo', '*'], answer: ({ argument, by }, actions) => actions.undo(argument, by) },
  ...ROLLOUT_ORDERS.map(
    (order): Route => ({
      method: 'POST',
      path: ['rollouts', '*', order],
      answer: ({ argument, by }, actions) => actions.orderRollout(argument, order, by),
    }),
  ),
  { method: 'GET', path: ['devices', '*', 'history'], answer: ({ argument }, actions) => actions.history(argument) },
  { method: 'GET', path: ['devices', '*', 'explain'], answer: ({ argument }, actions) => actions.explain(argument) },
];

/** The path of the event stream, which is no question with one answer. */
export const EVENTS_PATH = '/v1/events';

/** A route that was found, ready to be asked. */
export interface Match {
  readonly argument: string;
  readonly answer: Route['answer'];
}

/** Finds what answers. Throws CONTROL_BAD_REQUEST for a path or a method that nothing answers. */
export function findRoute(method: string, path: string): Match {
  const segments = segmentsOf(path);
  const fitting = segments === null ? [] : ROUTES.filter((route) => fits(route.path, segments));
  const route = fitting.find((candidate) => candidate.method === method);
  if (route !== undefined && segments !== null) {
    return { argument: segments[route.path.indexOf('*')] ?? '', answer: route.answer };
  }
  throw new FlashError('CONTROL_BAD_REQUEST', `nothing answers ${method} ${path.slice(0, 200)}`);
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return pattern.length === segments.length && pattern.every((part, index) => part === '*' || part === segments[index]);
}

/** Null for a path that is not below `/v1/`, or that is not well-formed. */
function segmentsOf(path: string): string[] | null {
  const [, ...segments] = path.split('/');
  if (segments.shift() !== 'v1') return null;
  try {
    return segments.map(decodeURIComponent);
  } catch {
    return null;
  }
}

function flagOf(body: ControlRequest['body'], name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== 'boolean') throw new FlashError('CONTROL_BAD_REQUEST', `"${name}" has to be true or false`);
  return value;
}
