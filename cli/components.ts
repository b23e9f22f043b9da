import type { ComponentLoader } from "../service/util/component_loader.ts";

/** Loads components; its code is loaded with the first. */
export const componentsOnDemand: ComponentLoader = {
  async compile(bytes, terms) {
    const { componentLoader } = await import("../drivers/components.ts");
    return await componentLoader.compile(bytes, terms);
  },
};
