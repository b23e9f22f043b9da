/** `deno task chaos:workers [KILLS] [WORKERS]`: kills workers under load, 200 of two by default. */
import { killWorkers } from "./kills.ts";

const [kills = 200, workers = 2] = Deno.args.map(Number);
const { answered, lost, millis } = await killWorkers({ kills, workers, clients: 16 });
// deno-lint-ignore no-console
console.log(
  `${kills} kills of ${workers} workers in ${
    Math.round(millis / 1000)
  } s: ${answered} requests answered, ` +
    `${lost} lost, all of killed workers`,
);
