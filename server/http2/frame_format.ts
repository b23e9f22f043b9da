/**
 * Format of frames, for those who read a client's bytes along with `node:http2` (RFC 9113).
 *
 * @module
 */

/** Length of the preface (section 3.4), in bytes. */
export const PREFACE = 24;
/** Length of a frame's head (section 4.1), in bytes. */
export const FRAME_HEAD = 9;

/** Types of frames (section 6). */
export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const WINDOW_UPDATE = 8;

/** Flags of frames. */
export const ACK = 1;
export const END_STREAM = 1;

/** Codes of errors (section 7). */
export const PROTOCOL_ERROR = 1;
export const STREAM_CLOSED = 5;
