import { trap } from "./trap.ts";

/** Maximum number of handles of one component instance, so that a guest that drops none does not fill the host's memory. */
const MAX_HANDLES = 100_000;

/** Resource type. Two types are the same if they are the same object. */
export interface ResourceType {
  /** Name in messages. */
  readonly name: string;
  /** Instance that defines the type; undefined for a type of the host. */
  readonly owner: InstanceState | undefined;
  /** Called with the representation when the last handle is dropped. */
  readonly drop: ((representation: number) => void) | undefined;
}

/** Handles that are borrowed for one call. */
export interface CallScope {
  /** Owned handles of the caller that are lent to the callee. */
  readonly lent: ResourceHandle[];
  /** Number of borrowed handles that the callee has not dropped yet. */
  borrowed: number;
}

/** Entry of a handle table. */
interface ResourceHandle {
  readonly type: ResourceType;
  readonly representation: number;
  readonly own: boolean;
  /** Number of calls under way that an owned handle is lent to. */
  lends: number;
  /** Call that a borrowed handle was made for; undefined for an owned one. */
  readonly scope: CallScope | undefined;
}

/** State of one component instance in the canonical ABI: its handles, and whether it may call and be called. */
export class InstanceState {
  /** Whether a call of one of its functions is under way. */
  entered = false;
  /** Whether it may call imports, which it may not during `realloc` and `post-return`. */
  mayLeave = true;
  #entries: (ResourceHandle | undefined)[] = [undefined];
  #free: number[] = [];

  /** Resets everything to the state of a new instance. */
  reset(): void {
    this.entered = false;
    this.mayLeave = true;
    this.#entries = [undefined];
    this.#free = [];
  }

  /** Adds a handle. Returns its number: the one that was freed last, or a new one. */
  add(type: ResourceType, representation: number, own: boolean, scope?: CallScope): number {
    const number = this.#free.pop() ?? this.#entries.length;
    if (number > MAX_HANDLES) trap(`Cannot give more than ${MAX_HANDLES} handles to a component`);
    this.#entries[number] = { type, representation, own, lends: 0, scope };
    return number;
  }

  /** Returns the handle of a number and type; traps if there is none. */
  get(type: ResourceType, number: number): ResourceHandle {
    const entry = this.#entries[number >>> 0];
    if (!entry) trap(`Cannot use the handle ${number >>> 0}: there is none`);
    if (entry.type !== type) {
      trap(`Cannot use the handle ${number >>> 0} as ${type.name}: it is ${entry.type.name}`);
    }
    return entry;
  }

  /** Removes a handle; traps if it is lent. */
  remove(type: ResourceType, number: number): ResourceHandle {
    const entry = this.get(type, number);
    if (entry.lends > 0) trap(`Cannot give up the handle ${number >>> 0}: it is lent`);
    this.#entries[number >>> 0] = undefined;
    this.#free.push(number >>> 0);
    return entry;
  }
}
