//! Signatures and time stamps looked at by programs that nobody here has written: openssl, poppler's pdfsig (with NSS), qpdf.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

/// A directory with the certificates somebody trusts.
pub(crate) struct Verifier {
    directory: PathBuf,
    files: AtomicUsize,
}

/// The words of a PDF, as poppler finds them.
pub(crate) fn words(pdf: &[u8]) -> String {
    let mut reading = Command::new("pdftotext")
        .args(["-layout", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("pdftotext: {error}; script/setup --test installs it"));
    let mut input = reading.stdin.take().unwrap();
    input.write_all(pdf).unwrap();
    drop(input);
    let read = reading.wait_with_output().unwrap();
    assert!(read.status.success());
    String::from_utf8_lossy(&read.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What pdfsig says of a PDF.
#[derive(Debug)]
pub(crate) struct Signatures {
    /// All it says.
    pub(crate) text: String,
    /// How many there are.
    pub(crate) count: usize,
    /// How many of them are right.
    pub(crate) valid: usize,
    /// How many of the signers are trusted.
    pub(crate) trusted: usize,
    /// How many are about the whole file.
    pub(crate) whole: usize,
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}; script/setup --test installs it"))
}

impl Verifier {
    /// Trusts these roots (PEM, one after the other; what else is there is only known).
    pub(crate) fn new(pem: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("sportello-verify-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(directory.join("nss")).unwrap();
        let verifier = Self { directory, files: AtomicUsize::new(0) };
        let roots = verifier.path("roots.pem");
        fs::write(&roots, pem).unwrap();
        let nss = format!("sql:{}", verifier.path("nss"));
        assert!(run("certutil", &["-N", "-d", &nss, "--empty-password"]).status.success());
        for (n, certificate) in pem.split_inclusive("-----END CERTIFICATE-----").enumerate() {
            if !certificate.contains("BEGIN") {
                continue;
            }
            let file = verifier.file("pem", certificate.as_bytes());
            let nick = format!("authority {n}");
            let added = run("certutil", &["-A", "-d", &nss, "-n", &nick, "-t", "CT,C,C", "-a", "-i", &file]);
            assert!(added.status.success(), "{}", text(&added));
        }
        verifier
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    /// These bytes, in a file.
    pub(crate) fn file(&self, ending: &str, bytes: &[u8]) -> String {
        let path = self.path(&format!("{}.{ending}", self.files.fetch_add(1, Ordering::Relaxed)));
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What pdfsig says.
    pub(crate) fn pdfsig(&self, pdf: &[u8]) -> Signatures {
        let file = self.file("pdf", pdf);
        // Not `-no-ocsp`: with it poppler 22 trusts nobody. Our certificates name no such server, so that nobody is asked.
        let output = run("pdfsig", &["-nssdir", &format!("sql:{}", self.path("nss")), &file]);
        let text = text(&output);
        let count = |what: &str| text.matches(what).count();
        Signatures {
            count: text.lines().filter(|line| line.starts_with("Signature #")).count(),
            valid: count("Signature Validation: Signature is Valid."),
            trusted: count("Certificate Validation: Certificate is Trusted."),
            whole: count("Total document signed"),
            text,
        }
    }

    /// Whether qpdf finds nothing wrong with a PDF.
    pub(crate) fn assert_pdf(&self, pdf: &[u8]) {
        let output = run("qpdf", &["--check", &self.file("pdf", pdf)]);
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Whether openssl verifies a CMS over content beside it, as CAdES.
    pub(crate) fn cms(&self, signature: &[u8], content: &[u8]) -> Result<String, String> {
        let (signature, content) = (self.file("p7s", signature), self.file("bin", content));
        let out = self.path("verified.bin");
        let args = [
            "cms",
            "-verify",
            "-cades",
            "-binary",
            "-inform",
            "DER",
            "-in",
            &signature,
            "-content",
            &content,
            "-CAfile",
            &self.path("roots.pem"),
            "-purpose",
            "any",
            "-out",
            &out,
        ];
        let output = run("openssl", &args);
        if output.status.success() { Ok(text(&output)) } else { Err(text(&output)) }
    }

    /// Whether openssl verifies a time stamp (a token) of these bytes.
    pub(crate) fn time_stamp(&self, token: &[u8], data: &[u8]) -> Result<String, String> {
        let (token, data) = (self.file("tst", token), self.file("bin", data));
        let roots = self.path("roots.pem");
        let output =
            run("openssl", &["ts", "-verify", "-token_in", "-in", &token, "-data", &data, "-CAfile", &roots]);
        if output.status.success() { Ok(text(&output)) } else { Err(text(&output)) }
    }

    /// The same for an authority's whole answer.
    pub(crate) fn time_stamp_reply(&self, reply: &[u8], data: &[u8]) -> Result<String, String> {
        let (reply, data) = (self.file("tsr", reply), self.file("bin", data));
        let roots = self.path("roots.pem");
        let output = run("openssl", &["ts", "-verify", "-in", &reply, "-data", &data, "-CAfile", &roots]);
        if output.status.success() { Ok(text(&output)) } else { Err(text(&output)) }
    }

    /// What openssl reads in a list of what is revoked.
    pub(crate) fn read_revocations(&self, pem: &str) -> String {
        text(&run("openssl", &["crl", "-in", &self.file("crl", pem.as_bytes()), "-noout", "-text"]))
    }

    /// What openssl reads in a token.
    pub(crate) fn read_time_stamp(&self, token: &[u8]) -> String {
        text(&run(
            "openssl",
            &["ts", "-reply", "-token_in", "-token_out", "-in", &self.file("tst", token), "-text"],
        ))
    }

    /// What openssl reads in a certificate (DER).
    pub(crate) fn read_certificate(&self, der: &[u8]) -> String {
        let file = self.file("der", der);
        text(&run(
            "openssl",
            &["x509", "-inform", "DER", "-in", &file, "-noout", "-text", "-nameopt", "RFC2253,-esc_msb"],
        ))
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A certificate as PEM.
pub(crate) fn pem(der: &[u8]) -> String {
    let base64 = data_encoding::BASE64.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// The bytes that the newest signature of a PDF is about, and the signature.
pub(crate) fn signed_parts(pdf: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let key = b"/ByteRange[";
    let at = pdf.windows(key.len()).rposition(|part| part == key).expect("a signature") + key.len();
    let end = at + pdf[at..].iter().position(|byte| *byte == b']').unwrap();
    let range: Vec<usize> = std::str::from_utf8(&pdf[at..end])
        .unwrap()
        .split_ascii_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let [start, first, second, rest] = range[..] else { panic!("four numbers") };
    assert_eq!((start, second + rest), (0, pdf.len()), "the newest is about the whole file");
    let hex = &pdf[first + 1..second - 1];
    let padded = data_encoding::HEXLOWER_PERMISSIVE.decode(hex).unwrap();
    // DER says how long it is; what follows is padding.
    assert_eq!(padded[..2], [0x30, 0x82]);
    let length = 4 + usize::from(padded[2]) * 256 + usize::from(padded[3]);
    ([&pdf[..first], &pdf[second..]].concat(), padded[..length].to_vec())
}

/// The time stamp of a signature, and the bytes that it is about.
pub(crate) fn time_stamp_of(signature: &[u8]) -> (Vec<u8>, Vec<u8>) {
    use cms::{content_info::ContentInfo, signed_data::SignedData};
    use der::{Decode as _, Encode as _};
    let content = ContentInfo::from_der(signature).unwrap().content;
    let signed: SignedData = content.decode_as().unwrap();
    let signer = signed.signer_infos.0.as_slice().first().unwrap();
    let attribute = signer.unsigned_attrs.as_ref().unwrap().as_slice().first().unwrap();
    (attribute.values.get(0).unwrap().to_der().unwrap(), signer.signature.as_bytes().to_vec())
}
