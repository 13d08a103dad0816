//! Writes an error with its causes in one line.

/// Returns the message of an error and of each of its causes, separated by colons.
///
/// ```
/// let error = std::io::Error::other("the disk is full");
/// assert_eq!(easemob_admin_ops::causes::with_causes(&error), "the disk is full");
/// ```
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let messages = std::iter::successors(Some(error), |error| error.source());
    messages.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Level(&'static str, #[source] Option<Box<Self>>);

    #[test]
    fn every_cause_is_there_in_order() {
        let disk = Level("the disk is full", None);
        let file = Level("cannot write the file", Some(Box::new(disk)));
        assert_eq!(with_causes(&file), "cannot write the file: the disk is full");
    }
}
