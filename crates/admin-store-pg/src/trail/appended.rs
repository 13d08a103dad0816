//! Hears of entries that any process appended: one connection listens for all readers of this process.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::watch;

use crate::database::Database;

/// The channel on which each append says in its transaction that it was made.
pub(super) const CHANNEL: &str = "easemob_admin_trail";

/// How long to wait before listening again after the connection was cut.
const LISTEN_AGAIN: Duration = Duration::from_secs(2);

/// Listens from the first question on, as long as somebody waits.
#[derive(Default)]
pub(super) struct Appended(OnceLock<watch::Sender<u64>>);

impl Appended {
    /// Returns what changes when something was appended. Behind a pool of connections the server may not say so.
    pub(super) fn changes(&self, database: &Database) -> watch::Receiver<u64> {
        let heard = self.0.get_or_init(|| {
            let heard = watch::Sender::new(0);
            database
                .calling()
                .handle()
                .spawn(listen(database.clone(), heard.clone()));
            heard
        });
        heard.subscribe()
    }
}

impl fmt::Debug for Appended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Appended").finish_non_exhaustive()
    }
}

async fn listen(database: Database, heard: watch::Sender<u64>) {
    loop {
        // Whatever was appended meanwhile was not heard.
        let hear = || heard.send_modify(|times| *times += 1);
        // Why it ended does not matter: whoever reads says whether the database can be used.
        let _ = database.listen(CHANNEL, hear).await;
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}
