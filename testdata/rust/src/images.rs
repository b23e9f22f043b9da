//! Images in other sizes and formats.

use fastly::image_optimizer::{
    Auto, Fit, Format, ImageOptimizerOptions, ImageOptimizerRegion, PixelsOrPercentage,
};
use fastly::{Request, Response};

/// Asks the backend "origin" for the same URL through the Image Optimizer. Parameters of the URL hold too.
pub fn answer(mut req: Request) -> Response {
    let mut options = ImageOptimizerOptions::from_region(ImageOptimizerRegion::UsEast);
    match req.get_path() {
        "/image/thumbnail" => {
            options.width = Some(PixelsOrPercentage::Pixels(16));
            options.height = Some(PixelsOrPercentage::Pixels(16));
            options.fit = Some(Fit::Crop);
            options.format = Some(Format::PNG);
        }
        "/image/auto" => options.auto = Some(Auto::WebP),
        _ => {}
    }
    req.set_image_optimizer(options);
    match req.send("origin") {
        Ok(resp) => resp,
        Err(error) => crate::text(&format!("{}\n", error.root_cause())).with_status(502),
    }
}
