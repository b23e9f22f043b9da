import { tell } from "./tell.ts";
import type { ImageOptimizer } from "../service/backends/image_optimizer.ts";

/** Returns an image optimizer whose codec is loaded with the first image, since most programs transform none. */
export function imagesOnDemand(): ImageOptimizer {
  let made: Promise<ImageOptimizer> | undefined;
  return async (request, options) => {
    made ??= import("../drivers/images.ts").then(({ imageOptimizer }) => imageOptimizer({ tell }));
    const optimize = await made;
    return await optimize(request, options);
  };
}
