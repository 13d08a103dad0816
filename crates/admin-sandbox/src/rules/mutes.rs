use serde::{Deserialize, Serialize};

/// The longest mute, in seconds.
pub(crate) const LONGEST: i64 = 2_147_483_647;

/// A kind of conversation somebody can be muted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MuteKind {
    Chat,
    GroupChat,
    ChatRoom,
}

impl MuteKind {
    pub(crate) const ALL: [Self; 3] = [Self::Chat, Self::GroupChat, Self::ChatRoom];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::GroupChat => "groupchat",
            Self::ChatRoom => "chatroom",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Until {
    Forever,
    Ms(u64),
}

/// One user's global mutes; they do not touch sessions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Mutes([Option<Until>; 3]);

impl Mutes {
    /// Mutes for `seconds`: 0 lifts, -1 is for ever.
    pub(crate) fn set(&mut self, kind: MuteKind, seconds: i64, now_ms: u64) {
        self.0[kind as usize] = Some(match u64::try_from(seconds) {
            Ok(seconds) => Until::Ms(now_ms.saturating_add(seconds.saturating_mul(1000))),
            Err(_) => Until::Forever,
        });
    }

    /// Returns whether the user may not speak now.
    pub(crate) fn holds(&self, kind: MuteKind, now_ms: u64) -> bool {
        self.remaining(kind, now_ms).is_some_and(|seconds| seconds != 0)
    }

    /// Returns the seconds that remain (0 = not muted, -1 = for ever), or `None` if never muted.
    pub(crate) fn remaining(&self, kind: MuteKind, now_ms: u64) -> Option<i64> {
        Some(match self.0[kind as usize]? {
            Until::Forever => -1,
            // Rounded up: a mute that still holds must not read as lifted.
            Until::Ms(end) => i64::try_from(end.saturating_sub(now_ms).div_ceil(1000)).unwrap_or(LONGEST),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutes_run_out() {
        let mut mutes = Mutes::default();
        assert_eq!(mutes.remaining(MuteKind::Chat, 0), None);
        mutes.set(MuteKind::Chat, 10, 1_000);
        assert_eq!(mutes.remaining(MuteKind::Chat, 1_000), Some(10));
        assert_eq!(mutes.remaining(MuteKind::Chat, 10_500), Some(1));
        assert_eq!(mutes.remaining(MuteKind::Chat, 11_000), Some(0));
        assert_eq!(mutes.remaining(MuteKind::GroupChat, 0), None);
    }

    #[test]
    fn minus_one_is_for_ever_and_zero_lifts() {
        let mut mutes = Mutes::default();
        mutes.set(MuteKind::ChatRoom, -1, 0);
        assert_eq!(mutes.remaining(MuteKind::ChatRoom, u64::MAX), Some(-1));
        mutes.set(MuteKind::ChatRoom, 0, 5);
        assert_eq!(mutes.remaining(MuteKind::ChatRoom, 5), Some(0));
    }
}
