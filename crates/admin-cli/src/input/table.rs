//! Recognises output of spreadsheets and other programs: a header, a table, a shortened number. Pure.

use easemob_admin_words::t;

/// Column headers for users, in lower case; the first is the header of our own output.
const HEADERS: &[&str] = &[
    "user",
    "users",
    "username",
    "usernames",
    "user name",
    "user_name",
    "userid",
    "userids",
    "user id",
    "user_id",
    "user-id",
    "用户",
    "用户名",
    "用户名称",
    "用户id",
    "用户账号",
    "账号",
    "帐号",
    "账户",
    "帐户",
    "环信id",
];

/// Extracts the users from any of our own JSON output.
const JQ: &str = "jq -r '.. | objects | .user // .username // empty'";

/// The kind of a list's first line, if it is not a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// The header of a list of one column.
    Header,
    /// The header of a table.
    Table {
        /// The number of the column with the users, counted from 1, if its header is known.
        column: Option<usize>,
        /// The separator of the columns: `,`, `;`, a tab, or spaces.
        separator: char,
    },
    /// A JSON document, or the first of several.
    Json,
}

fn is_header(cell: &str) -> bool {
    let cell = cell.trim().trim_matches(['"', '\'']).trim().to_lowercase();
    HEADERS.contains(&cell.as_str())
}

/// Returns what the first line of a list is, ignoring blank lines and comments; `None` if it may be a user.
#[must_use]
pub fn beginning(line: &str) -> Option<Beginning> {
    if is_header(line) {
        return Some(Beginning::Header);
    }
    if line.starts_with(['{', '[']) && (line.contains('"') || line.len() == 1) {
        return Some(Beginning::Json);
    }
    let separator = [',', ';', '\t']
        .into_iter()
        .find(|separator| line.contains(*separator));
    let (cells, separator): (Vec<&str>, char) = match separator {
        Some(separator) => (line.split(separator).collect(), separator),
        None => (line.split_whitespace().collect(), ' '),
    };
    let column = cells.iter().position(|cell| is_header(cell));
    (cells.len() > 1 && column.is_some()).then(|| Beginning::Table {
        column: column.map(|index| index + 1),
        separator,
    })
}

impl Beginning {
    /// Returns a description that completes `line 1 is `.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Header => t!("a column header"),
            Self::Table { .. } => t!("the header of a table"),
            Self::Json => "JSON",
        }
    }

    /// Returns the command that extracts the users from `file`, or from standard input if that is `-`.
    #[must_use]
    pub fn remedy(&self, file: &str) -> String {
        let list = "easemob-admin … --from -";
        match self {
            Self::Header => t!("write the users on the lines below it").into(),
            Self::Json if file == "-" => t!("extract the users: … | {JQ} | {list}"),
            Self::Json => t!("extract the users: {JQ} {file} | {list}"),
            Self::Table { column, separator } => {
                let column = column.unwrap_or(1);
                let cut = match separator {
                    ',' => t!("cut -d, -f{column}"),
                    ' ' => t!("awk '{{print ${column}}}'"),
                    '\t' => t!("cut -f{column}"),
                    other => t!("cut -d '{other}' -f{column}"),
                };
                if file == "-" {
                    t!("extract the column with the users: … | {cut} | {list}")
                } else {
                    t!("extract the column with the users: {cut} {file} | {list}")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_one_column_is_recognised() {
        for header in [
            "user",
            "USER",
            "User",
            "users",
            "username",
            "UserName",
            "userid",
            "user_id",
            "User ID",
            "\"user\"",
            "'user'",
            "用户名",
            "用户",
            "用户ID",
            "账号",
            "\"用户名\"",
        ] {
            assert_eq!(beginning(header), Some(Beginning::Header), "{header}");
        }
        for user in ["ann", "user1", "user_0001", "the user", "a b", "用户1", "o'brien"] {
            assert_ne!(beginning(user), Some(Beginning::Header), "{user}");
        }
    }

    #[test]
    fn a_table_is_recognised_with_the_column_of_its_users() {
        for (line, column, cut) in [
            ("line,user,outcome,device", 2, "cut -d, -f2 done.csv"),
            ("user,platform,device,name", 1, "cut -d, -f1 done.csv"),
            ("\"id\";\"username\"", 2, "cut -d ';' -f2 done.csv"),
            ("姓名\t用户名", 2, "cut -f2 done.csv"),
            ("user  platform  device", 1, "awk '{print $1}' done.csv"),
        ] {
            let found = beginning(line).unwrap();
            assert!(
                matches!(found, Beginning::Table { column: Some(found), .. } if found == column),
                "{line}: {found:?}"
            );
            let remedy = found.remedy("done.csv");
            assert!(remedy.contains(cut), "{remedy}");
        }
        for user in ["ann,bob", "ann ios", "1,ann,ended"] {
            assert_eq!(beginning(user), None, "{user}");
        }
    }

    #[test]
    fn json_is_recognised() {
        for line in [r#"{"line":1,"user":"ann"}"#, r#"["ann","bob"]"#, "{", "["] {
            assert_eq!(beginning(line), Some(Beginning::Json), "{line}");
        }
        assert_eq!(beginning("[ann]"), None);
    }
}
