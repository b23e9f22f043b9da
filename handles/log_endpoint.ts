/** Log endpoint that a guest has opened. */
export class LogEndpoint {
  constructor(readonly name: string) {}
}
