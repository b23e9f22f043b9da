import { join } from "node:path";
import { assertEquals } from "../../assert.ts";
import { quickStartFiles, warm } from "../../quick_start.ts";
import type { Project } from "./project.ts";

/** Writes the Go program of the quick start into a project's folder, with its module file. */
export async function writeGo(project: Project): Promise<void> {
  for (const [path, text] of Object.entries(quickStartFiles("Go"))) {
    await project.write(path, text);
  }
  const { folder } = project;
  const env = project.env = await warm("Go", folder, true);
  for (const command of ["mod init app", "get github.com/fastly/compute-sdk-go@v1.8.1"]) {
    const args = command.split(" ");
    const go = new Deno.Command("go", { args, cwd: folder, env: { ...env }, stderr: "null" });
    assertEquals((await go.output()).code, 0, `${join(folder, "go.mod")}: go ${command}`);
  }
}
