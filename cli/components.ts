import type { ComponentLoader } from "../service/util/component_loader.ts";

/** Loads components. Its code is imported with the first one. */
export const componentsOnDemand: ComponentLoader = {
  async compile(bytes, terms) {
    const { componentLoader } = await import("../drivers/components.ts");
    return await componentLoader.compile(bytes, terms);
  },
};
