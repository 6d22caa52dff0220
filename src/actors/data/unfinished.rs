//! Files that somebody began to write into a bucket and never ended, because the process was killed: no listing of files
//! shows them, and they cost as files do. `object_store` does not list them; S3 does (`ListMultipartUploads`).
//!
//! Whoever may not list them (`s3:ListBucketMultipartUploads`) lets a lifecycle rule of the bucket abort them.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use object_store::{
    aws::AmazonS3,
    multipart::MultipartStore as _,
    path::Path,
    signer::{SignedUrlOptions, Signer as _},
};

/// A signed request is sent at once.
const SIGNED_FOR: Duration = Duration::from_secs(60);
/// A page has a thousand uploads, of some hundred bytes each; the rest is swept the next time.
const PAGE_MAX: usize = 2 << 20;

/// A bucket, and which of its keys are ours.
pub(super) struct Bucket {
    s3: Arc<AmazonS3>,
    client: reqwest::Client,
    prefix: String,
}

/// What somebody began to write.
#[derive(Debug, PartialEq, Eq)]
struct Begun {
    key: String,
    id: String,
    at: Timestamp,
}

impl Bucket {
    pub(super) fn new(
        s3: AmazonS3,
        prefix: Option<String>,
        connect: Duration,
        silence: Duration,
    ) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().connect_timeout(connect).read_timeout(silence).build()?;
        let prefix = prefix.map(|prefix| prefix + "/").unwrap_or_default();
        Ok(Self { s3: Arc::new(s3), client, prefix })
    }

    /// Aborts what was begun before `before`; how many there were.
    pub(super) async fn sweep(&self, before: Timestamp) -> Result<usize, object_store::Error> {
        let mut aborted = 0;
        for begun in self.list().await? {
            if begun.at < before && begun.key.starts_with(&self.prefix) {
                self.s3.abort_multipart(&Path::parse(&begun.key)?, &begun.id).await?;
                aborted += 1;
            }
        }
        Ok(aborted)
    }

    async fn list(&self) -> Result<Vec<Begun>, object_store::Error> {
        let query = [("uploads", ""), ("prefix", &*self.prefix)];
        let query = query.into_iter().filter(|(name, value)| *name == "uploads" || !value.is_empty());
        let options = SignedUrlOptions::new().with_query(query);
        let url = self.s3.signed_url_opts(http::Method::GET, &Path::default(), SIGNED_FOR, &options).await?;
        let page = self.page(url.as_str()).await;
        Ok(begun(&page.map_err(|source| object_store::Error::Generic { store: "bucket", source })?))
    }

    async fn page(&self, url: &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
        // What goes wrong is told without the address: it is signed.
        let asked = self.client.get(url).send().await.map_err(reqwest::Error::without_url)?;
        let mut answer = asked.error_for_status().map_err(reqwest::Error::without_url)?;
        let mut page = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
            page.extend_from_slice(&piece);
            if page.len() > PAGE_MAX {
                return Err("a list of unfinished uploads is too long".into());
            }
        }
        Ok(String::from_utf8(page)?)
    }
}

/// What stands in an answer of S3. What cannot be read is left alone.
fn begun(page: &str) -> Vec<Begun> {
    let uploads = page.split("<Upload>").skip(1);
    let read = |upload: &str| {
        Some(Begun {
            key: element(upload, "Key")?,
            id: element(upload, "UploadId")?,
            at: element(upload, "Initiated")?.parse().ok()?,
        })
    };
    uploads.filter_map(read).collect()
}

fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once("</")?;
    let plain =
        value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    Some(plain.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::{Begun, begun};

    #[test]
    fn a_list_is_read_and_what_is_strange_in_it_is_left_alone() {
        let page = "<?xml version=\"1.0\"?><ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">
            <Bucket>files</Bucket><IsTruncated>false</IsTruncated>
            <Upload><Key>documents/ab/x</Key><UploadId>A&amp;B</UploadId><Initiator><ID>me</ID></Initiator>
                <Initiated>2026-03-01T10:00:00.000Z</Initiated></Upload>
            <Upload><Key>documents/ab/y</Key><UploadId>C</UploadId><Initiated>once</Initiated></Upload>
            </ListMultipartUploadsResult>";
        let expected = Begun {
            key: "documents/ab/x".to_owned(),
            id: "A&B".to_owned(),
            at: "2026-03-01T10:00:00Z".parse().unwrap(),
        };
        assert_eq!(begun(page), [expected]);
        assert_eq!(begun(""), []);
    }
}
