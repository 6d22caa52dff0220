//! Tickets on paper: for whose booking it is, with its code as a picture for the camera at the door.

use std::process::Command;

use axum::http::Method;
use qrcode::{EcLevel, QrCode};
use serde_json::json;

use crate::harness::app::TestApp;

/// What the first page looks like, point by point, and what another program reads on it.
fn seen(pdf: &[u8]) -> (Picture, String) {
    let folder = std::env::temp_dir().join(format!("sportello-ticket-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.pdf"), pdf).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let said = Command::new(program).args(arguments).current_dir(&folder).output();
        let said = said.unwrap_or_else(|error| panic!("{program}: {error}; run script/setup --test"));
        assert!(said.status.success(), "{program}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    run("qpdf", &["--check", "a.pdf"]);
    run("pdftoppm", &["-gray", "-r", "200", "-singlefile", "a.pdf", "page"]);
    let text = run("pdftotext", &["-layout", "a.pdf", "-"]);
    assert!(run("pdfinfo", &["a.pdf"]).contains("Pages: 1"), "it fits on one page");
    // `P5 width height 255`, then a byte for each point.
    let file = std::fs::read(folder.join("page.pgm")).unwrap();
    let head: Vec<&[u8]> = file.splitn(4, u8::is_ascii_whitespace).collect();
    let [width, height] = [head[1], head[2]].map(|it| std::str::from_utf8(it).unwrap().parse().unwrap());
    let points = file[file.len() - width * height..].to_vec();
    std::fs::remove_dir_all(folder).unwrap();
    (Picture { width, height, points }, text)
}

struct Picture {
    width: usize,
    height: usize,
    points: Vec<u8>,
}

impl Picture {
    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.points[y * self.width + x] < 128
    }

    /// Whether the modules of a code stand on the page, all of them, with the white that a camera needs around them. They are
    /// found by the lines of the three corners: seven modules of which the outer ones are dark.
    fn shows(&self, code: &QrCode) -> bool {
        let (modules, colors) = (code.width(), code.to_colors());
        let is_there = |left: usize, top: usize, module: f64| {
            let at = |place: isize, from: usize| (from as f64 + (place as f64 + 0.5) * module) as usize;
            let range = || -4..modules as isize + 4;
            range().all(|row| {
                range().all(|column| {
                    let inside = [row, column].iter().all(|it| (0..modules as isize).contains(it));
                    let wanted =
                        inside && colors[row as usize * modules + column as usize] == qrcode::Color::Dark;
                    self.is_dark(at(column, left), at(row, top)) == wanted
                })
            })
        };
        // The corner above on the left begins where a row has seven dark modules in one piece.
        (0..self.height).any(|top| {
            let mut x = 0;
            while x < self.width {
                let run = (x..self.width).take_while(|x| self.is_dark(*x, top)).count();
                let module = run as f64 / 7.0;
                let fits = run >= 28 && top as f64 + (modules as f64 + 4.0) * module < self.height as f64;
                if fits && is_there(x, top, module) {
                    return true;
                }
                x += run.max(1);
            }
            false
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_shows_the_code_and_nothing_else_as_a_picture_and_comes_with_the_mail() {
    let app = TestApp::start().await;
    let account = app.a_person().await;
    let buyer = app.log_in(&account).await;
    let slug = app.an_event().priced(0).create().await;
    let booking = buyer.post(&format!("/api/v1/events/{slug}/bookings"), json!({"tickets": 2})).await;
    let booking = booking.expect(201).json();
    let path = format!("/api/v1/bookings/{}/ticket.pdf", booking["id"].as_str().unwrap());
    let ticket = buyer.get(&path).await.expect(200);
    assert_eq!(ticket.header("content-type"), "application/pdf");
    assert!(ticket.header("content-disposition").contains("ticket.pdf"));
    assert!(ticket.header("repr-digest").starts_with("sha-256=:"));
    let (picture, text) = seen(&ticket.body);
    let code = booking["code"].as_str().unwrap();
    let expected = |code: &str| QrCode::with_error_correction_level(code, EcLevel::Q).unwrap();
    assert!(picture.shows(&expected(code)) && !picture.shows(&expected("0000000000")));
    for part in [code, booking["title"].as_str().unwrap(), &account.name] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The same whenever it is asked for.
    let again = buyer.request(Method::GET, &path, &[("if-none-match", ticket.header("etag"))], None).await;
    again.expect(304);
    app.log_in(&app.a_person().await).await.get(&path).await.expect(404);
    app.anonymous().get(&path).await.expect(401);
    app.run_jobs().await;
    let mail = app.mails().into_iter().find(|mail| mail.contains("ticket.pdf")).expect("it is attached");
    assert!(mail.contains("multipart/mixed") && mail.contains("application/pdf") && mail.contains(code));
    // What was given back opens no door any more.
    let id = booking["id"].as_str().unwrap();
    buyer.post(&format!("/api/v1/bookings/{id}/cancel"), json!({})).await.expect(200);
    assert_eq!(buyer.get(&path).await.expect(409).code(), "not_confirmed");
    let paid = app.an_event().priced(1250).create().await;
    let held = buyer.post(&format!("/api/v1/events/{paid}/bookings"), json!({"tickets": 1})).await;
    let held = held.expect(201).json()["id"].as_str().unwrap().to_owned();
    let early = buyer.get(&format!("/api/v1/bookings/{held}/ticket.pdf")).await.expect(409);
    assert_eq!(early.code(), "not_confirmed");
    app.finish().await;
}
