/** A published message, the same on every transport. */
export interface Message<Data = unknown> {
  id: string;
  topic: string;
  /** Its place in its topic: 1, 2, 3 … */
  seq: number;
  /** Milliseconds since 1970, when it was committed. */
  time: number;
  event?: string;
  data: Data;
  /** `"base64"`: `data` is the base64 of bytes of `content_type`. */
  encoding?: string;
  content_type?: string;
}

/** Messages that can no longer be had. */
export interface Gap {
  type: "gap";
  /** As subscribed; without it: of everything. */
  topic?: string;
  after?: string;
  id: string;
  seq?: number;
  reason: "expired" | "deleted" | "epoch" | "slow";
}

export type TransportName = "websocket" | "sse" | "ndjson" | "poll";
export type State = "idle" | "connecting" | "connected" | "waiting" | "offline" | "closed";

/** Milliseconds and counts; the defaults are in `LIMITS`. */
export interface Limits {
  firstByteLeast: number;
  firstByteMost: number;
  killedWithin: number;
  killsInARow: number;
  probeFirst: number;
  probeMost: number;
  remembered: number;
  silence: number;
  suspicion: number;
  stable: number;
  pollWait: number;
  pollMessages: number;
  seenIds: number;
  queuedMessages: number;
  publishAttempts: number;
  urlLength: number;
}
export const LIMITS: Readonly<Limits>;

/** What the client takes from the world around it; anything left out is the global one. */
export interface Environment {
  fetch: typeof fetch;
  WebSocket: typeof WebSocket | undefined;
  now: () => number;
  setTimeout: (body: () => void, milliseconds: number) => unknown;
  clearTimeout: (timer: unknown) => void;
  random: () => number;
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | null;
  locks: LockManager | undefined;
  BroadcastChannel: typeof BroadcastChannel | undefined;
  document: Document | undefined;
  navigator: Navigator | undefined;
  addEventListener: typeof addEventListener | undefined;
  removeEventListener: typeof removeEventListener | undefined;
}

export interface Options {
  /** What to show the gateway; a function is asked again when one is no longer good. */
  token?: string | (() => string | Promise<string>);
  /** What may be used; the order is the gateway's. The default is websocket, sse and poll. */
  transports?: TransportName[];
  /** Whether the tabs of this origin share one connection. */
  shared?: boolean;
  /** An id to go on from: of `/v1/negotiate`, when the page was rendered, or of another client. */
  position?: string;
  limits?: Partial<Limits>;
  environment?: Partial<Environment>;
}

export class SluiceError extends Error {
  constructor(
    code: string, detail: string,
    more?: { status?: number; terminal?: boolean; cause?: unknown; retryAfter?: number; parameter?: string });
  readonly code: string;
  readonly detail: string;
  /** HTTP's, or a close code; 0 if there is none. */
  readonly status: number;
  /** Whether it will not be tried again: the client has given up, or the subscription that was refused is over. */
  readonly terminal: boolean;
  /** Milliseconds. */
  readonly retryAfter?: number;
  /** The parameter that the gateway refused, if it named one. */
  readonly parameter?: string;
}

export interface SubscriptionEvents {
  message: CustomEvent<Message>;
  gap: CustomEvent<Gap>;
  caught_up: CustomEvent<null>;
}

export class Subscription extends EventTarget implements AsyncIterable<Message> {
  readonly topics: string[];
  /** Up to where everything was told; null before its reading has begun. */
  readonly position: string | null;
  unsubscribe(): void;
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
  addEventListener<Type extends keyof SubscriptionEvents>(
    type: Type, listener: (event: SubscriptionEvents[Type]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(
    type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

export interface ClientEvents {
  message: CustomEvent<Message>;
  gap: CustomEvent<Gap>;
  state: CustomEvent<State>;
  transport: CustomEvent<TransportName | null>;
  error: CustomEvent<SluiceError>;
}

export class Sluice extends EventTarget {
  /** @param url of the gateway; the page's own origin if it is left out */
  constructor(url?: string | URL, options?: Options);
  readonly state: State;
  readonly transport: TransportName | null;
  readonly position: string | null;
  /** From now on; after an id or `"earliest"` (`since`); or with the last few messages of each topic (`rewind`). */
  subscribe(topics: string | string[], options?: { since?: string; rewind?: number }): Subscription;
  /** Tried several times, and committed once at most. */
  publish(topic: string, data: unknown, options?: { event?: string; key?: string }): Promise<{ id: string; seq: number }>;
  close(): void;
  addEventListener<Type extends keyof ClientEvents>(
    type: Type, listener: (event: ClientEvents[Type]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(
    type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

/** Whether a topic is one that a pattern means. */
export function matches(pattern: string, topic: string): boolean;
/** Whether a topic can be meant by both of two patterns. */
export function overlaps(one: string, other: string): boolean;
/** The earlier of two positions of one epoch; null if they are of different ones. */
export function earlier(one: string, other: string): string | null;
/** How long to wait before an attempt, in milliseconds. */
export function reconnectDelay(attempt: number, pace: { min_ms: number; max_ms: number }, random: () => number): number;

/** How many messages to ask for in one poll: fewer after an answer that was cut, more again after full pages. */
export class PageLimit {
  static readonly minimum: number;
  constructor(wanted?: number | null, standard?: number);
  /** The next request's `limit`; null to leave it out. */
  readonly current: number | null;
  arrived(count: number): void;
  cut(): boolean;
  refused(): boolean;
}

/** Which transport is used, from what happened to it. */
export class TransportChoice {
  constructor(names: string[], limits?: Limits);
  readonly names: string[];
  readonly current: string | null;
  readonly better: string[];
  use(name: string | null): void;
  replace(names: string[]): void;
  failed(how: "refused" | "silent" | "ended" | "away", lasted?: number): boolean;
}

/** What worked, by gateway and network. */
export class TransportMemory {
  constructor(storage: Environment["storage"], key: string, limits: Limits, now: () => number);
  recall(): string | null;
  remember(name: string | null): void;
}

/** Parses an event stream. */
export class EventParser {
  readonly retry: number | null;
  push(text: string): { event: string; id: string | null; data: string }[];
}
