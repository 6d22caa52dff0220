//! Time stamps, and answers that are none.

use jiff::SignedDuration;
use sportello::signing::{
    cms::sha256,
    time_stamp::{self, Request, TimeStampError},
    verify::Untrusted,
};

use super::local::Desk;

#[test]
fn a_time_stamp_is_verified_by_openssl_and_only_for_what_it_is_about() {
    let desk = Desk::new();
    let verifier = desk.verifier();
    let token = desk.token(sha256(&[b"atto"]));
    assert_eq!(token.time.as_second(), desk.now.as_second());
    verifier.time_stamp(&token.der, b"atto").unwrap();
    verifier.time_stamp(&token.der, b"altro").unwrap_err();
    let other = Desk::new().verifier();
    other.time_stamp(&token.der, b"atto").unwrap_err();
    assert!(verifier.read_time_stamp(&token.der).contains("Policy OID: 2.25."));
}

#[test]
fn a_time_stamp_of_which_a_byte_was_changed_is_refused_by_openssl() {
    let desk = Desk::new();
    let verifier = desk.verifier();
    let token = desk.token(sha256(&[b"atto"])).der;
    // What it says, and the signature; between them are certificates, for which openssl has its own.
    let said = token.windows(32).position(|part| part == sha256(&[b"atto"])).unwrap();
    for at in (said - 20..said + 60).step_by(8).chain(token.len() - 60..token.len()) {
        let mut changed = token.clone();
        changed[at] ^= 1;
        assert!(verifier.time_stamp(&changed, b"atto").is_err(), "byte {at} of {}", token.len());
    }
}

#[test]
fn a_time_stamp_is_believed_only_under_a_root_that_vouches_for_it() {
    let (desk, other) = (Desk::new(), Desk::new());
    let (roots, others) = ([desk.made.root.clone()], [other.made.root.clone()]);
    let token = desk.token(sha256(&[b"atto"]));
    token.verify(&roots, desk.now).unwrap();
    let why = |error| match error {
        TimeStampError::Untrusted(why) => why,
        other => panic!("{other}"),
    };
    for (roots, at) in [
        (&others[..], desk.now),
        (&[], desk.now),
        (&roots, desk.now - SignedDuration::from_hours(24 * 365)),
        (&roots, desk.now + SignedDuration::from_hours(24 * 365 * 60)),
    ] {
        assert!(matches!(why(token.verify(roots, at).unwrap_err()), Untrusted::Chain(_)));
    }
    // Somebody who signs documents does not stamp the time.
    let request = Request::new([1; 32]);
    let chain = [desk.made.issuing.certificate.clone(), desk.made.root.clone()];
    let answer = time_stamp::answer(&request.to_der().unwrap(), &desk.signer, &chain, desk.now).unwrap();
    let forged = request.token(&answer).unwrap();
    assert!(matches!(why(forged.verify(&roots, desk.now).unwrap_err()), Untrusted::Purpose));
    // Whichever byte is another: it is refused, unless it is of the root, which nobody takes from there, or of what is only said
    // for programs that read from front to back; and there is never a panic.
    let mut believed = 0;
    for at in 0..token.der.len() {
        let mut changed = token.clone();
        changed.der[at] ^= 0x11;
        believed += usize::from(changed.verify(&roots, desk.now).is_ok());
    }
    assert!(believed < roots[0].len() + 32, "{believed} of {}, root {}", token.der.len(), roots[0].len());
}

#[test]
fn an_answer_about_something_else_or_none_at_all_is_no_time_stamp() {
    let desk = Desk::new();
    let (request, other) = (Request::new([1; 32]), Request::new([1; 32]));
    let chain = [desk.made.root.clone()];
    let answer =
        |request: &[u8]| time_stamp::answer(request, &desk.made.time_stamp, &chain, desk.now).unwrap();
    let good = answer(&request.to_der().unwrap());
    request.token(&good).unwrap();
    assert!(matches!(other.token(&good), Err(TimeStampError::Other)), "another number");
    let twin = answer(&Request::new([2; 32]).to_der().unwrap());
    assert!(matches!(request.token(&twin), Err(TimeStampError::Other)), "another hash");
    assert!(matches!(request.token(&answer(b"nonsense")), Err(TimeStampError::Refused(2))));
    let mut short = request.to_der().unwrap();
    let at = short.windows(4).position(|part| part == [1; 4]).unwrap();
    short[at - 14] = 0; // another algorithm
    assert!(matches!(request.token(&answer(&short)), Err(TimeStampError::Refused(2))));
    for bytes in [&b""[..], b"\x30\x00", &good[..good.len() - 1], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
        request.token(bytes).unwrap_err();
    }
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 0x10;
        let _ = request.token(&changed); // an answer or an error: never a panic
    }
}
