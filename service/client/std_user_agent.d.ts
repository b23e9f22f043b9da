/** Part of the standard library's `http/user_agent` that is used here. */
export class UserAgent {
  constructor(userAgent: string | null);
  readonly browser: { readonly name: string | undefined; readonly version: string | undefined };
  readonly device: {
    readonly model: string | undefined;
    readonly type: string | undefined;
    readonly vendor: string | undefined;
  };
  readonly os: { readonly name: string | undefined; readonly version: string | undefined };
}
