/** Name of the SQLite file in the folder of `--persist`. */
export const DATABASE_FILE = "fastlike.sqlite";
