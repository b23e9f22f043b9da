// A worker for tests of its supervisor: says when it has been told to start, and serves once it may. It ends right after
// that if it is to die.
//
//   starting_worker.ts FOLDER --as-worker=N
import { existsSync } from "node:fs";
import process from "node:process";

const [folder, mark] = Deno.args;
const id = mark!.replace(/^\D+/, "");
const send = (message: unknown) => process.send!(message);

process.on("message", ({ ask, reply, name }: { ask?: number; reply?: number; name?: string }) => {
  if (reply !== undefined) return void start();
  if (name === "reload") Deno.writeTextFileSync(`${folder}/reloaded-${id}-${Deno.pid}`, "");
  send({ reply: ask, value: name === "reload" ? { files: [] } : true });
});
process.on("disconnect", () => Deno.exit());
send({ ask: 1, name: "start" });

async function start(): Promise<void> {
  await Deno.writeTextFile(`${folder}/started-${id}-${Deno.pid}`, "");
  while (!existsSync(`${folder}/serve-${id}`)) await new Promise((then) => setTimeout(then, 10));
  send({ name: "ready", value: { url: "", port: 0, files: [] } });
  if (existsSync(`${folder}/die`)) setTimeout(() => Deno.exit(7), 20);
}
