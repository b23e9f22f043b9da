import { GuestView } from "../../service/util/guest_view.ts";
import { trap } from "./trap.ts";

/** Guest memory as values of the component model are read from and written to it: an access beyond its end traps. */
export class GuestBytes extends GuestView {
  protected override beyond(at: number, length: number): never {
    trap(`Cannot reach ${length} bytes at ${at}: memory holds ${this.size}`);
  }
}
