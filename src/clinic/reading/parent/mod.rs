//! This side: workers are started, fed, listened to with suspicion, and ended in time.
//!
//! Reading order: [`process`] starts, feeds and ends a process; [`ended`] makes a refusal of how it ended; [`lines`] takes its
//! output apart within bounds; [`checked`] believes none of it; [`ocr`] has a picture read by tesseract, [`table`] is what
//! tesseract says, [`figures`] whether its numbers can stand where it says,
//! [`turned`] what is done with a page that does not stand upright. [`Reader`] is what the rest of the program knows.

mod checked;
mod ended;
mod figures;
mod lines;
mod ocr;
mod process;
mod reader;
mod table;
mod turned;

pub use ocr::Tesseract;
pub use process::ReadError;
pub use reader::{PageReached, Reader};
