import { trap } from "./trap.ts";

/** Handles that one component instance may have at a time: a guest that forgets to drop must not fill the host's memory. */
const MAX_HANDLES = 100_000;

/** A resource type. Two are the same if they are the same object. */
export interface ResourceType {
  /** What messages call it. */
  readonly name: string;
  /** The instance that defines it; undefined for the host's. */
  readonly owner: InstanceState | undefined;
  /** Called with the representation when the last handle is dropped. */
  readonly drop: ((representation: number) => void) | undefined;
}

/** What lives as long as a call: handles that it has lent, and those that were lent to it. */
export interface CallScope {
  /** Owned handles that are lent to the callee. */
  readonly lent: ResourceHandle[];
  /** Borrowed handles that the callee has not dropped yet. */
  borrowed: number;
}

/** What a handle stands for. */
interface ResourceHandle {
  readonly type: ResourceType;
  readonly representation: number;
  readonly own: boolean;
  /** Calls that have it on loan. */
  lends: number;
  /** The call that it was lent for; undefined if it is owned. */
  readonly scope: CallScope | undefined;
}

/** What the canonical ABI keeps for one component instance: its handles, and whether it may call and be called. */
export class InstanceState {
  /** Whether a call of its is on the stack. */
  entered = false;
  /** Whether it may call imports: not while it allocates for the host, or cleans up after a call. */
  mayLeave = true;
  #entries: (ResourceHandle | undefined)[] = [undefined];
  #free: number[] = [];

  /** Puts everything back to the state of a new instance. */
  reset(): void {
    this.entered = false;
    this.mayLeave = true;
    this.#entries = [undefined];
    this.#free = [];
  }

  /** Adds a handle; returns its number, the one freed last if there is one. */
  add(type: ResourceType, representation: number, own: boolean, scope?: CallScope): number {
    const number = this.#free.pop() ?? this.#entries.length;
    if (number > MAX_HANDLES) trap(`Cannot give more than ${MAX_HANDLES} handles to a component`);
    this.#entries[number] = { type, representation, own, lends: 0, scope };
    return number;
  }

  /** The handle of that number and type; traps if there is none. */
  get(type: ResourceType, number: number): ResourceHandle {
    const entry = this.#entries[number >>> 0];
    if (!entry) trap(`Cannot use the handle ${number >>> 0}: there is none`);
    if (entry.type !== type) {
      trap(`Cannot use the handle ${number >>> 0} as ${type.name}: it is ${entry.type.name}`);
    }
    return entry;
  }

  /** Takes the handle away; traps if it is on loan. */
  remove(type: ResourceType, number: number): ResourceHandle {
    const entry = this.get(type, number);
    if (entry.lends > 0) trap(`Cannot give up the handle ${number >>> 0}: it is lent`);
    this.#entries[number >>> 0] = undefined;
    this.#free.push(number >>> 0);
    return entry;
  }
}
