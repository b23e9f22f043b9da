/** Pieces smaller than this are joined once there are many in succession, in bytes. */
export const SMALL = 8 * 1024;
/** Number of small pieces in succession at the end that are joined: a writer of single bytes takes little memory. */
export const MAX_SMALL = 64;
