//! Pictures of events. Rules and SQL live in [`crate::events::images`], the making in the imager.

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::hosting::manager;
use crate::{
    accounts::policy::Principal,
    actors::data::{cache::Tag, imager::ImagerError},
    events::images::{self, ALT_MAX, Change, Image, ImageRefusal, Key, New, PictureError, Size},
    http::{
        auth::HostUser,
        conditional::{ETag, IfMatch},
        extract::{Json, Path},
        idempotency::{self, Claim, KeyedRequest, Outcome},
        negotiate::Coding,
        problem::{Answer, FieldError, Problem, SOON},
        state::AppState,
        tasks::TaskStarted,
        upload::{self, Upload, UploadFile, UploadForm},
        validate::Checks,
    },
    ids::ImageId,
    jobs::{
        NewJob,
        events::{MakeThumbnails, RemoveImage},
    },
};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(show, change, remove))
}

/// An image that was added, and the task that makes its thumbnails.
#[derive(Serialize, ToSchema)]
struct AddedImage {
    /// The image.
    #[serde(flatten)]
    image: Image,
    /// Makes its thumbnails; whoever added the image may look at it.
    task: TaskStarted,
}

/// Adds an image to an event of one's own. It is decoded and encoded again: what it says about place and camera is
/// removed, its orientation is applied, transparent parts become white, and it is at most 2560 pixels wide and high.
/// The first image is the event's cover.
#[utoipa::path(post, path = "/events/{slug}/images", tag = "hosting", security(("bearer" = [])),
    request_body(description = "At most 8 MiB and 40 million pixels, unless configured otherwise", content(
        (UploadForm = "multipart/form-data"), (UploadFile = "image/jpeg"), (UploadFile = "image/png"),
        (UploadFile = "image/webp"))),
    params(("slug" = String, Path, description = "The event's name in URLs")),
    responses((status = 201, description = "The image, with its ETag; its thumbnails follow, made by `task`", body = AddedImage),
        (status = 403, description = "Only hosts may do this"),
        (status = 409, description = "`too_many_images`: it has as many as it may; `event_withdrawn`"),
        (status = 413, description = "The file is too large"),
        (status = 415, description = "It is no JPEG, PNG or WebP picture, whatever it is called"),
        (status = 422, description = "The picture is damaged or has too many pixels, or the form is wrong")))]
async fn create(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    Path(slug): Path<String>,
    request: Request,
) -> Answer {
    // Taken before the body is read: only so many uploads are in memory.
    let _place = state.imager.place().ok_or_else(|| Problem::unavailable(SOON))?;
    let manager = manager(&principal);
    // Nobody should send megabytes to hear that there is no such event.
    images::room(&state.db, &slug, manager).await.map_err(refused)?;
    let (mut parts, body) = request.into_parts();
    let keyed = KeyedRequest::read(&mut parts).await?;
    let max_bytes = *state.config.storage.max_image_bytes;
    let upload = Upload::read(Request::from_parts(parts, body), max_bytes, ALT_MAX).await?;
    let claim = keyed.with_fingerprint(upload.fingerprint()).claim(principal.user);
    if claim.is_some() {
        let mut tx = state.db.begin("events.images.replay").await?;
        if let Some(replay) = idempotency::begin(&mut tx, claim, state.clock.now()).await? {
            return Ok(replay);
        }
        tx.rollback().await?; // no transaction stays open while the picture is made
    }
    let most = most_images(&state);
    let room = images::room(&state.db, &slug, manager).await.map_err(refused)?;
    room.for_one_more(most).map_err(refused)?;
    let picture = state.imager.prepare(upload.image).await.map_err(unusable)?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Problem::internal(error.to_string()))?;
    let new = New {
        id: ImageId::new(state.clock.now()),
        key: Key::new(random),
        alt: upload.alt,
        width: picture.width,
        height: picture.height,
        bytes: picture.jpeg.len(),
    };
    // First the file, then the row: a row never names a missing file.
    state.storage.put(&new.key.file(Size::Full), picture.jpeg.into()).await?;
    let inserted = insert(&state, &slug, &principal, &new, claim).await;
    shown_anew(&state, &slug); // also when it is not known whether the row is there
    match inserted {
        Ok(answer) => Ok(answer),
        Err(problem) => {
            // When it is not known whether the row is there, its file must stay; if there is none, it is pruned.
            if problem.code() != Problem::outcome_unknown().code() {
                forget(&state, &new.key).await;
            }
            Err(problem)
        }
    }
}

async fn insert(
    state: &AppState,
    slug: &str,
    principal: &Principal,
    new: &New,
    claim: Option<Claim>,
) -> Answer {
    let (now, most) = (state.clock.now(), most_images(state));
    let mut tx = state.db.begin("events.images.add").await?;
    if let Some(replay) = idempotency::begin(&mut tx, claim, now).await? {
        drop(tx);
        forget(state, &new.key).await; // another request with the same key was faster
        return Ok(replay);
    }
    let image = images::add(&mut tx, slug, manager(principal), new, most, now).await.map_err(refused)?;
    let job = NewJob::of(&MakeThumbnails { image: new.id }).owner(principal.user.0);
    let job =
        state.jobs.insert(&mut tx, &[job]).await?[0].expect("a job without a unique key is always inserted");
    let added = AddedImage { image, task: TaskStarted::of(job) };
    let outcome = Outcome::created(format!("/api/v1/events/{slug}/images/{}", new.id), &added)?;
    idempotency::finish(&mut tx, claim, &outcome, now).await?;
    tx.commit().await?;
    let mut response = outcome.into_response();
    response.headers_mut().insert(header::ETAG, tag(&added.image)?.header(Coding::Identity));
    Ok(response)
}

fn most_images(state: &AppState) -> i64 {
    state.config.storage.max_images_per_event as i64
}

/// Pages that show the event's images are outdated.
fn shown_anew(state: &AppState, slug: &str) {
    state.pages.invalidate(&[Tag::Event(slug), Tag::Catalogue]);
}

/// Removes a file that got no row. If that fails, the file is pruned after a day.
async fn forget(state: &AppState, key: &Key) {
    if let Err(error) = state.storage.delete(&key.file(Size::Full)).await {
        tracing::warn!(%error, "a file without a row is left behind");
    }
}

/// Why no picture was made.
pub(in crate::http) fn unusable(error: ImagerError) -> Problem {
    let field = |error: PictureError, code| {
        Problem::unprocessable(vec![FieldError::body("/image", code, error.to_string())])
    };
    match error {
        ImagerError::Busy => Problem::unavailable(SOON).because(error),
        ImagerError::Refused(PictureError::UnknownKind) => {
            upload::unsupported("this is no JPEG, PNG or WebP picture; save it as one of these")
        }
        ImagerError::Refused(error @ PictureError::Broken) => field(error, "broken_image"),
        ImagerError::Refused(error @ PictureError::TooLarge { .. }) => field(error, "too_many_pixels"),
    }
}

fn refused(refusal: ImageRefusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        ImageRefusal::NoSuchEvent => Problem::not_found("event"),
        ImageRefusal::NoSuchImage => Problem::not_found("image"),
        ImageRefusal::Withdrawn => Problem::conflict("event_withdrawn", detail),
        ImageRefusal::Full { most } => Problem::conflict("too_many_images", detail).member("most", most),
        ImageRefusal::Db(error) => error.into(),
    }
}

/// An image has no versions to count: its tag is made of what is shown, its thumbnails included.
fn tag(image: &Image) -> Result<ETag, Problem> {
    serde_json::to_vec(image).map(|text| ETag::of_bytes(&text)).map_err(Problem::internal)
}

fn tagged(image: Image) -> Answer {
    let etag = tag(&image)?.header(Coding::Identity);
    Ok(([(header::ETAG, etag)], Json(image)).into_response())
}

/// Shows an image of a published event.
#[utoipa::path(get, path = "/events/{slug}/images/{id}", tag = "events",
    params(("slug" = String, Path, description = "The event's name in URLs"),
        ("id" = uuid::Uuid, Path, description = "The image")),
    responses((status = 200, description = "The image, with its ETag", body = Image)))]
async fn show(State(state): State<AppState>, Path((slug, id)): Path<(String, ImageId)>) -> Answer {
    let image = images::find(&state.db, &slug, id).await?;
    tagged(image.ok_or_else(|| Problem::not_found("image"))?)
}

/// What is changed of an image; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeImage {
    /// What it shows, for those who cannot see it.
    #[schema(max_length = 300)]
    alt: Option<String>,
    /// Its place among the event's images: 0 makes it the cover, beyond the last is the last.
    #[schema(minimum = 0, maximum = 1000)]
    position: Option<i16>,
}

/// Further than any event has images.
const POSITION_MAX: i16 = 1000;

/// Describes an image of one's own event anew, or moves it.
#[utoipa::path(patch, path = "/events/{slug}/images/{id}", tag = "hosting", security(("bearer" = [])),
    request_body = ChangeImage,
    params(("slug" = String, Path, description = "The event's name in URLs"),
        ("id" = uuid::Uuid, Path, description = "The image"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; without it 428")),
    responses((status = 200, description = "The changed image, with its ETag", body = Image),
        (status = 403, description = "Only hosts may do this"),
        (status = 409, description = "`event_withdrawn`: its images can be removed, but not changed"),
        (status = 412, description = "It was changed meanwhile, or its thumbnails were made"),
        (status = 428, description = "If-Match is missing")))]
async fn change(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    Path((slug, id)): Path<(String, ImageId)>,
    if_match: IfMatch,
    Json(body): Json<ChangeImage>,
) -> Answer {
    let mut checks = Checks::default();
    let alt = body.alt.map(|alt| checks.line("/alt", &alt, 0..=ALT_MAX).to_owned());
    if let Some(position) = body.position {
        checks.range("/position", position, 0..=POSITION_MAX);
    }
    checks.done()?;
    let wanted = Change { alt, position: body.position };
    let mut tx = state.db.begin("events.images.change").await?;
    let locked = images::lock_image(&mut tx, &slug, manager(&principal), id).await.map_err(refused)?;
    locked.ensure_published().map_err(refused)?;
    if_match.check(&tag(&locked.image)?)?;
    let image = images::change(&mut tx, &locked, &wanted).await?;
    tx.commit().await?;
    shown_anew(&state, &slug);
    tagged(image)
}

/// Removes an image of one's own event; its files follow.
#[utoipa::path(delete, path = "/events/{slug}/images/{id}", tag = "hosting", security(("bearer" = [])),
    params(("slug" = String, Path, description = "The event's name in URLs"),
        ("id" = uuid::Uuid, Path, description = "The image"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read, if it matters")),
    responses((status = 204, description = "Removed"), (status = 403, description = "Only hosts may do this"),
        (status = 412, description = "It was changed meanwhile, or its thumbnails were made")))]
async fn remove(
    State(state): State<AppState>,
    HostUser(principal): HostUser,
    Path((slug, id)): Path<(String, ImageId)>,
    if_match: IfMatch,
) -> Answer {
    let mut tx = state.db.begin("events.images.remove").await?;
    let locked = images::lock_image(&mut tx, &slug, manager(&principal), id).await.map_err(refused)?;
    if if_match.0.is_some() {
        if_match.check(&tag(&locked.image)?)?;
    }
    let key = images::remove(&mut tx, &locked).await?;
    state.jobs.enqueue(&mut tx, &RemoveImage { key }).await?;
    tx.commit().await?;
    shown_anew(&state, &slug);
    Ok(StatusCode::NO_CONTENT.into_response())
}
