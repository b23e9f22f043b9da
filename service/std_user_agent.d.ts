/** The part of the standard library's `http/user_agent` that is used here. */
export class UserAgent {
  constructor(userAgent: string | null);
  readonly browser: { readonly name: string | undefined; readonly version: string | undefined };
}
