/** Version of the executable, for `--version`. */
export const VERSION = "0.1.0";
