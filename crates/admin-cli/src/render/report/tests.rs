//! Every format on the same rows, byte by byte.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::render::view::View;

#[derive(Serialize)]
struct Sample {
    user: &'static str,
    device_name: Option<&'static str>,
}

impl Row for Sample {
    const COLUMNS: &'static [&'static str] = &["user", "device_name"];

    fn cells(&self) -> Vec<String> {
        vec![self.user.into(), self.device_name.unwrap_or_default().into()]
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn header() -> Header {
    Header {
        command: "devices list",
        sandbox: true,
        app: Some("acme#chat".into()),
        columns: Some(Sample::COLUMNS.to_vec()),
        least: Vec::new(),
    }
}

fn on_a_terminal(width: usize) -> Terminal {
    Terminal {
        width,
        color: false,
        zone: jiff::tz::TimeZone::UTC,
    }
}

fn render(format: Format, width: Option<usize>, rows: &[Sample]) -> String {
    rendered(format, header(), Shown::default(), width, rows)
}

/// Renders what `view` shows.
fn viewed(format: Format, view: &View, rows: &[Sample]) -> String {
    let shown = view.of(Sample::COLUMNS).unwrap();
    let titles = shown
        .columns
        .iter()
        .flatten()
        .map(|column| Sample::COLUMNS[*column]);
    let header = Header {
        columns: (!view.no_headers).then(|| titles.collect()),
        ..header()
    };
    rendered(format, header, shown, None, rows)
}

fn rendered(format: Format, header: Header, shown: Shown, width: Option<usize>, rows: &[Sample]) -> String {
    let out = Shared::default();
    let terminal = width.map(on_a_terminal);
    let mut report = Report::new(format, header, shown, Box::new(out.clone()), terminal);
    for row in rows {
        assert_eq!(report.row(row).unwrap(), Reader::Listening);
    }
    report.finish(&json!({"users": rows.len()})).unwrap();
    drop(report);
    let bytes = out.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn rows() -> Vec<Sample> {
    vec![
        Sample {
            user: "ann",
            device_name: Some("Pixel 9"),
        },
        Sample {
            user: "批量用户",
            device_name: None,
        },
        Sample {
            user: "=cmd",
            device_name: Some("a,\"b\"\u{1b}[31m"),
        },
    ]
}

#[test]
fn table_aligns_wide_characters_and_escapes_controls() {
    insta::assert_snapshot!(render(Format::Table, None, &rows()), @r#"
    USER      DEVICE NAME
    ann       Pixel 9
    批量用户  -
    =cmd      a,"b"\u{1b}[31m
    "#);
}

#[test]
fn table_wraps_the_widest_column_on_a_narrow_terminal() {
    let long = Sample {
        user: "ann",
        device_name: Some("a phone with a very long name indeed"),
    };
    let text = render(Format::Table, Some(30), &[long]);
    assert!(text.lines().all(|line| line.chars().count() <= 30), "{text}");
    insta::assert_snapshot!(text, @r"
    USER  DEVICE NAME
    ann   a phone with a very long
           name indeed
    ");
}

#[test]
fn later_batches_of_a_table_line_up_with_the_first() {
    let many: Vec<Sample> = (0..1100)
        .map(|_| Sample {
            user: "somebody",
            device_name: Some("x"),
        })
        .collect();
    let text = render(Format::Table, None, &many);
    assert_eq!(text.lines().count(), 1101);
    assert!(
        text.lines().skip(1).all(|line| line == "somebody  x"),
        "{}",
        text.lines().last().unwrap()
    );
}

#[test]
fn json_is_one_document() {
    let text = render(Format::Json, None, &rows());
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["rows"].as_array().unwrap().len(), 3);
    insta::assert_snapshot!(text, @r#"
    {"schema":1,"command":"devices list","sandbox":true,"app":"acme#chat","rows":[
    {"user":"ann","device_name":"Pixel 9"},
    {"user":"批量用户","device_name":null},
    {"user":"=cmd","device_name":"a,\"b\"\u001b[31m"}
    ],"summary":{"users":3}}
    "#);
}

#[test]
fn an_empty_json_document_is_still_one() {
    insta::assert_snapshot!(render(Format::Json, None, &[]), @r#"{"schema":1,"command":"devices list","sandbox":true,"app":"acme#chat","rows":[],"summary":{"users":0}}"#);
}

#[test]
fn json_lines_stand_alone() {
    insta::assert_snapshot!(render(Format::Jsonl, None, &rows()[..1]), @r#"{"user":"ann","device_name":"Pixel 9","sandbox":true}"#);
}

#[test]
fn csv_has_a_header_and_no_formulas() {
    insta::assert_snapshot!(render(Format::Csv, None, &rows()), @r#"
    user,device_name
    ann,Pixel 9
    批量用户,
    '=cmd,"a,""b""\u{1b}[31m"
    "#);
    assert_eq!(render(Format::Csv, None, &[]), "user,device_name\n");
}

#[test]
fn a_closed_pipe_is_told_and_never_written_again() {
    for format in [
        Format::Json,
        Format::Jsonl,
        Format::Csv,
        Format::Yaml,
        Format::Name,
    ] {
        let mut report = Report::new(format, header(), Shown::default(), Box::new(Closed), None);
        assert_eq!(report.row(&rows()[0]).unwrap(), Reader::Gone, "{format:?}");
        assert_eq!(report.finish(&json!({})).unwrap(), Reader::Gone);
    }
}

#[test]
fn yaml_is_one_document() {
    insta::assert_snapshot!(render(Format::Yaml, None, &rows()), @r#"
    schema: 1
    command: "devices list"
    sandbox: true
    app: "acme#chat"
    rows:
    - user: ann
      device_name: Pixel 9
    - user: 批量用户
      device_name: null
    - user: =cmd
      device_name: "a,\"b\"\e[31m"
    summary:
      users: 3
    "#);
    insta::assert_snapshot!(render(Format::Yaml, None, &[]), @r#"
    schema: 1
    command: "devices list"
    sandbox: true
    app: "acme#chat"
    rows: []
    summary:
      users: 0
    "#);
}

#[test]
fn names_stand_alone_and_once() {
    let mut rows = rows();
    rows.insert(
        1,
        Sample {
            user: "ann",
            device_name: None,
        },
    );
    insta::assert_snapshot!(render(Format::Name, None, &rows), @r"
    ann
    批量用户
    =cmd
    ");
}

#[test]
fn chosen_columns_are_shown_in_their_order_in_each_format() {
    let fields = View {
        fields: vec!["device_name".into(), "user".into()],
        ..View::default()
    };
    let all = [
        Format::Table,
        Format::Csv,
        Format::Jsonl,
        Format::Json,
        Format::Yaml,
    ]
    .map(|format| viewed(format, &fields, &rows()[..2]))
    .join("\n");
    insta::assert_snapshot!(all, @r#"
    DEVICE NAME  USER
    Pixel 9      ann
    -            批量用户

    device_name,user
    Pixel 9,ann
    ,批量用户

    {"device_name":"Pixel 9","user":"ann"}
    {"device_name":null,"user":"批量用户"}

    {"schema":1,"command":"devices list","sandbox":true,"app":"acme#chat","rows":[
    {"device_name":"Pixel 9","user":"ann"},
    {"device_name":null,"user":"批量用户"}
    ],"summary":{"users":2}}

    schema: 1
    command: "devices list"
    sandbox: true
    app: "acme#chat"
    rows:
    - device_name: Pixel 9
      user: ann
    - device_name: null
      user: 批量用户
    summary:
      users: 2
    "#);
}

#[test]
fn titles_may_be_left_out_and_rows_sorted() {
    let view = View {
        fields: vec!["user".into()],
        sort: vec!["-user".parse().unwrap()],
        no_headers: true,
    };
    let both = [Format::Table, Format::Csv]
        .map(|format| viewed(format, &view, &rows()))
        .join("\n");
    insta::assert_snapshot!(both, @r"
    批量用户
    ann
    =cmd

    批量用户
    ann
    '=cmd
    ");
}
