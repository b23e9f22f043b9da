import type { ImageOptimizer } from "../service/backends/image_optimizer.ts";

/** An image optimizer that is loaded with the first image, for most programs have none. */
export function imagesOnDemand(): ImageOptimizer {
  let made: Promise<ImageOptimizer> | undefined;
  return async (request, options) => {
    made ??= import("../drivers/images.ts").then(({ imageOptimizer }) => imageOptimizer());
    const optimize = await made;
    return await optimize(request, options);
  };
}
