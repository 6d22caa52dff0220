//! A virus scanner: clamd (`documents.clamd`), which is sent the content by its own protocol (INSTREAM) and asked what it
//! knows. It is another program, perhaps on another machine: each wait has an end, and an answer has a size.

use std::{io, path::PathBuf, pin::pin, str::FromStr, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::{config::sections, documents::Refusal};

/// A scanner that is there has accepted a connection by then.
const CONNECT: Duration = Duration::from_secs(5);
/// It takes the next chunk, or tells its version, within this time.
const SILENCE: Duration = Duration::from_secs(30);
/// Sent at once.
const CHUNK: usize = 64 << 10;
/// Longer answers are none.
const ANSWER_MAX: usize = 4 << 10;
/// Of its version, so much is kept.
const VERSION_MAX: usize = 100;
/// clamd's way to say that `StreamMaxLength` is smaller than the file.
const TOO_LARGE: &str = "size limit exceeded";

/// The code of a refusal for what the scanner has found.
pub const INFECTED: &str = "infected";

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Socket(PathBuf),
    Host(String),
}

/// The scanner.
#[derive(Debug, Clone)]
pub struct Clamd {
    address: Address,
    patience: Duration,
}

/// What it says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It knows nothing bad of it.
    Clean,
    /// It knows this of it.
    Infected(String),
}

/// Why it says nothing.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It cannot be reached, or went away.
    #[error("the virus scanner is away: {0}")]
    Away(#[source] io::Error),
    /// It takes too long.
    #[error("the virus scanner does not answer")]
    Silent,
    /// It does not look at files of this size.
    #[error("the file is larger than the virus scanner takes: raise StreamMaxLength in clamd.conf")]
    TooLarge,
    /// Something else.
    #[error("the virus scanner says: {0}")]
    Unclear(String),
    /// The file could not be read.
    #[error("the file could not be read")]
    Content(#[source] io::Error),
}

/// Not an address.
#[derive(Debug, thiserror::Error)]
#[error("not an address of clamd; write \"unix:/run/clamav/clamd.ctl\" or \"host:3310\"")]
pub struct NoAddress;

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') { Ok(Self::Socket(path.into())) } else { Err(NoAddress) };
        }
        let (host, port) = text.rsplit_once(':').ok_or(NoAddress)?;
        let fits = !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0);
        if fits { Ok(Self::Host(text.to_owned())) } else { Err(NoAddress) }
    }
}

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

impl Clamd {
    /// As `[documents]` of the configuration says; `None` when it names no scanner.
    pub fn of(config: &sections::Documents) -> Result<Option<Self>, NoAddress> {
        let Some(address) = config.clamd.as_ref() else { return Ok(None) };
        Ok(Some(Self { address: address.parse()?, patience: *config.clamd_timeout }))
    }

    /// What it is and what it knows: `ClamAV 1.4.6/27811/…`.
    pub async fn version(&self) -> Result<String, ScanError> {
        let mut line = self.ask(b"zVERSION\0").await?;
        Ok(answer(&mut line, SILENCE).await?.chars().take(VERSION_MAX).collect())
    }

    /// Sends it a content.
    pub async fn scan(
        &self,
        content: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<Verdict, ScanError> {
        let mut line = self.ask(b"zINSTREAM\0").await?;
        let mut content = pin!(content);
        let mut sent = Ok(());
        while let (Ok(()), Some(piece)) = (&sent, content.next().await) {
            let piece = piece.map_err(ScanError::Content)?;
            for chunk in piece.chunks(CHUNK) {
                sent = send(&mut line, chunk).await;
                if sent.is_err() {
                    break;
                }
            }
        }
        if sent.is_ok() {
            sent = send(&mut line, b"").await;
        }
        // Who takes no more has said why.
        let said = answer(&mut line, self.patience).await;
        match (said, sent) {
            (Ok(said), _) if !said.is_empty() => verdict(&said),
            (_, Err(error)) | (Err(error), Ok(())) => Err(error),
            (Ok(_), Ok(())) => Err(ScanError::Away(io::ErrorKind::UnexpectedEof.into())),
        }
    }

    async fn ask(&self, command: &[u8]) -> Result<Box<dyn Line>, ScanError> {
        let connecting = async {
            Ok(match &self.address {
                Address::Socket(path) => Box::new(UnixStream::connect(path).await?) as Box<dyn Line>,
                Address::Host(host) => Box::new(TcpStream::connect(host).await?),
            })
        };
        let mut line = within(CONNECT, connecting).await?;
        within(SILENCE, line.write_all(command)).await?;
        Ok(line)
    }
}

async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, ScanError> {
    timeout(time, work).await.map_err(|_| ScanError::Silent)?.map_err(ScanError::Away)
}

/// A chunk; an empty one is the end.
async fn send(line: &mut Box<dyn Line>, chunk: &[u8]) -> Result<(), ScanError> {
    let length = (chunk.len() as u32).to_be_bytes();
    within(SILENCE, async {
        line.write_all(&length).await?;
        line.write_all(chunk).await?;
        line.flush().await
    })
    .await
}

/// Up to the NUL that ends it. Who has said why it takes no more may have hung up: what was heard counts.
async fn answer(line: &mut Box<dyn Line>, patience: Duration) -> Result<String, ScanError> {
    let mut said = Vec::new();
    let listening = async {
        while said.len() < ANSWER_MAX && !said.ends_with(b"\0") {
            match line.read_buf(&mut said).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if said.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    };
    within(patience, listening).await?;
    Ok(String::from_utf8_lossy(&said).trim_end_matches(['\0', '\n']).to_owned())
}

fn verdict(said: &str) -> Result<Verdict, ScanError> {
    let said = said.strip_prefix("stream: ").unwrap_or(said);
    match said.strip_suffix(" FOUND") {
        Some(signature) => Ok(Verdict::Infected(signature.to_owned())),
        None if said == "OK" => Ok(Verdict::Clean),
        None if said.contains(TOO_LARGE) => Err(ScanError::TooLarge),
        None => Err(ScanError::Unclear(said.to_owned())),
    }
}

impl Refusal {
    /// The scanner knows something bad of it.
    pub fn infected(signature: &str) -> Self {
        Self::new(INFECTED, format!("the virus scanner found {signature} in this file"))
    }

    /// Nobody has looked at it, and nobody will.
    pub fn not_scanned() -> Self {
        Self::new("too_large_to_scan", "this file is larger than the virus scanner takes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_answer_is_one() {
        assert_eq!(verdict("stream: OK").unwrap(), Verdict::Clean);
        let found = verdict("stream: Eicar-Test-Signature FOUND").unwrap();
        assert_eq!(found, Verdict::Infected("Eicar-Test-Signature".to_owned()));
        assert!(matches!(verdict("INSTREAM size limit exceeded. ERROR"), Err(ScanError::TooLarge)));
        for unclear in ["", "OK?", "stream: Can't allocate memory ERROR", "UNKNOWN COMMAND"] {
            assert!(matches!(verdict(unclear), Err(ScanError::Unclear(_))), "{unclear}");
        }
    }

    #[test]
    fn an_address_is_a_socket_or_a_host() {
        let socket = Address::Socket("/run/clamav/clamd.ctl".into());
        assert_eq!("unix:/run/clamav/clamd.ctl".parse::<Address>().unwrap(), socket);
        assert_eq!("[::1]:3310".parse::<Address>().unwrap(), Address::Host("[::1]:3310".to_owned()));
        for wrong in ["unix:", "unix:clamd", "clamd", "clamd:", ":3310", "clamd:0", "clamd:99999"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
