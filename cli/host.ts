const HOST = /^[^\s/?#@\\<>"^`{|}]*$/;

/** Whether a Host field can stand in a URL. */
export function isHost(host: string): boolean {
  return HOST.test(host);
}
