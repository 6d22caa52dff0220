//! Pictures of events: hosts upload them, everybody sees them.
//!
//! What is uploaded is never stored: it is decoded and encoded again ([`prepare`]), so that neither hidden data (where
//! a photo was taken) nor a file that is a picture and something else at once gets any further. A picture is a row and
//! three files: itself, and two smaller ones made by a job ([`thumbnails`]).
//!
//! Invariants
//! - Files are written before the row that names them is committed, and removed after the row is gone.
//! - Positions of an event's pictures are 0, 1, 2, …; whoever changes them holds the event's lock.
//! - Pictures stay where they are when an event is withdrawn: bookings still show them. Their addresses cannot be
//!   guessed, and its host may remove them.

mod file;
mod picture;
mod row;
mod whole;

pub use file::{FOLDER, Key, Size, folders, key_of};
pub use picture::{Picture, PictureError, Thumbnails, prepare, thumbnails};
pub use row::{
    ALT_MAX, Change, Image, ImageRefusal, LockedImage, New, Room, add, change, find, key_of_image,
    lock_image, remove, room, thumbnails_done, unknown,
};
