//! Messages that are sent by REST.

use super::App;
use super::notices::{Content, News};

impl App {
    /// Sends a message to a user, and to the sender's own devices if `sync` says so; nothing if there is no such
    /// recipient. Returns the id of the message.
    pub(crate) fn send_message(
        &mut self,
        from: &str,
        to: &str,
        content: &Content,
        sync: bool,
        now_ms: u64,
    ) -> Option<u64> {
        let to = self.users.find(to)?.name.clone();
        // The service itself may send under a name that no user has.
        let known = self.users.find(from).map(|user| user.name.clone());
        let from = known.as_deref().unwrap_or(from);
        let id = self.ids.next(now_ms);
        let news = News::Message {
            id,
            from: from.to_owned(),
            to: to.clone(),
            content: content.clone(),
        };
        if sync && to != from && known.is_some() {
            self.tell(from, None, news.clone());
        }
        self.tell(&to, None, news);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_an_id_of_its_own_and_reaches_who_is_there() {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        let hello = Content::Text("hello".into());
        let mut ids: Vec<_> = (0..3)
            .map(|_| app.send_message("admin", "ANN", &hello, true, 5).unwrap())
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 3);
        // The sender is no user here, so that nobody is synced.
        assert!(app.told.iter().all(|told| told.user == "ann") && app.told.len() == 3);
        app.register_for_test("bob");
        app.told.clear();
        app.send_message("BOB", "ann", &hello, true, 5);
        let told: Vec<&str> = app.told.iter().map(|told| told.user.as_str()).collect();
        assert_eq!(told, ["bob", "ann"], "names have no case");
        assert_eq!(app.send_message("admin", "nobody", &hello, false, 5), None);
    }

    #[test]
    fn messages_by_rest_and_by_connection_are_in_one_order() {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        let hello = Content::Text("hello".into());
        let before = app.ids.next(5);
        let by_rest = app.send_message("admin", "ann", &hello, false, 5).unwrap();
        assert!(before < by_rest && by_rest < app.ids.next(5));
    }
}
