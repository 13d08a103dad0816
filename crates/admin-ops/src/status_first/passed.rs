//! The users that are reported as offline, until the end of the run decides about them: in a temporary file, so
//! that memory does not depend on their number.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use crate::files::temporary::temporary_file;
use crate::run::item::Item;

/// Users of a run, with their numbers.
#[derive(Debug, Default)]
pub(super) struct Passed {
    file: Option<BufWriter<File>>,
    users: u64,
    first_line: Option<u64>,
}

impl Passed {
    /// Adds a user.
    pub(super) fn push(&mut self, item: &Item) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(temporary_file()?)),
        };
        serde_json::to_writer(&mut *file, &(item.number, item))?;
        file.write_all(b"\n")?;
        self.users += 1;
        self.first_line = Some(self.first_line.map_or(item.line, |line| line.min(item.line)));
        Ok(())
    }

    /// Returns how many users there are.
    pub(super) fn len(&self) -> u64 {
        self.users
    }

    /// Returns the lowest line of the input with one of them.
    pub(super) fn first_line(&self) -> Option<u64> {
        self.first_line
    }

    /// Streams the users, in the order in which they were added.
    pub(super) fn items(&mut self) -> io::Result<impl Iterator<Item = io::Result<Item>> + Send + use<>> {
        let mut file = match &mut self.file {
            None => return Ok(None.into_iter().flatten()),
            Some(file) => {
                file.flush()?;
                file.get_ref().try_clone()?
            }
        };
        file.rewind()?;
        let lines = BufReader::with_capacity(64 * 1024, file).split(b'\n');
        let items = lines.map(|line| {
            let (number, item): (u64, Item) = serde_json::from_slice(&line?)?;
            Ok(Item { number, ..item })
        });
        Ok(Some(items).into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::UserId;

    use super::*;

    #[test]
    fn users_come_back_with_their_numbers_and_more_than_once() {
        let item = |number| {
            Item::new(
                number,
                number * 2 + 1,
                UserId::parse(format!("u{number}")).unwrap(),
            )
        };
        let mut passed = Passed::default();
        assert_eq!(passed.items().unwrap().count(), 0);
        for number in [7, 3, 1_000_000] {
            passed.push(&item(number)).unwrap();
        }
        assert_eq!((passed.len(), passed.first_line()), (3, Some(7)));
        for _ in 0..2 {
            let items: Vec<Item> = passed.items().unwrap().map(Result::unwrap).collect();
            assert_eq!(items, [item(7), item(3), item(1_000_000)]);
        }
    }
}
