//! Texts of others in files for spreadsheets.

/// Writes a text of others so that a spreadsheet shows it: one that begins like a formula is not taken for one.
pub(crate) fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_takes_no_name_for_a_formula() {
        assert_eq!(cell("acct1"), "acct1");
        assert_eq!(
            cell("=HYPERLINK(\"http://evil\")"),
            "\"'=HYPERLINK(\"\"http://evil\"\")\""
        );
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("@x"), "'@x");
    }
}
