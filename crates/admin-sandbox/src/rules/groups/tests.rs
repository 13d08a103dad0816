use super::*;

const ANN: Actor<'_> = Actor {
    user: "ann",
    device: "ios_1",
};
const BOB: Actor<'_> = Actor {
    user: "bob",
    device: "web_1",
};
const EVE: Actor<'_> = Actor {
    user: "eve",
    device: "web_2",
};

fn app() -> App {
    let mut app = App::new("o#a", None);
    for user in ["ann", "bob", "eve"] {
        app.register_for_test(user);
    }
    app
}

/// A group of Ann's with Bob in it, of which nobody remembers having been told.
fn group(app: &mut App, entry: Entry) -> String {
    let new = NewGroup {
        name: "team".into(),
        members: vec!["BOB".into(), "nobody".into()],
        entry,
        ..NewGroup::default()
    };
    let id = app.create_group(ANN, new, 5);
    app.told.clear();
    id
}

/// Who was told what, and whether one device was left out.
fn told(app: &mut App) -> Vec<(String, bool, GroupChange)> {
    let all = std::mem::take(&mut app.told);
    let change = |news| match news {
        News::Group(news) => news.change,
        other => panic!("{other:?}"),
    };
    all.into_iter()
        .map(|told| (told.user, told.but.is_some(), change(told.news)))
        .collect()
}

fn line(user: &str, but: bool, change: GroupChange) -> (String, bool, GroupChange) {
    (user.into(), but, change)
}

#[test]
fn members_are_told_and_the_acting_device_is_not() {
    let mut app = app();
    let new = NewGroup {
        members: vec!["BOB".into(), "nobody".into()],
        ..NewGroup::default()
    };
    let id = app.create_group(ANN, new, 5);
    let (created, joined) = (GroupChange::Created, GroupChange::DirectlyJoined);
    assert_eq!(
        told(&mut app),
        [line("ann", true, created), line("bob", false, joined)]
    );
    assert_eq!(app.destroy_group(BOB, &id), Err(GroupError::NotAllowed));
    app.change_members(ANN, &id, MemberAct::Kick("bob")).unwrap();
    let kicked = GroupChange::Kicked;
    assert_eq!(
        told(&mut app),
        [line("bob", false, kicked), line("ann", true, kicked)]
    );
    assert_eq!(
        app.change_members(BOB, &id, MemberAct::Leave),
        Err(GroupError::NoMember)
    );
    app.destroy_group(ANN, &id).unwrap();
    assert_eq!(told(&mut app), [line("ann", true, GroupChange::Destroyed)]);
    assert_eq!(app.destroy_group(ANN, &id), Err(GroupError::Nothing));
}

#[test]
fn an_open_group_lets_in_whoever_comes() {
    let mut app = app();
    let id = group(
        &mut app,
        Entry {
            door: Door::Open,
            ..Entry::default()
        },
    );
    app.change_members(EVE, &id, MemberAct::Join("")).unwrap();
    let present = GroupChange::Present;
    assert_eq!(
        told(&mut app),
        [
            line("eve", true, GroupChange::Joined),
            line("ann", false, present),
            line("bob", false, present)
        ]
    );
    let again = app.change_members(EVE, &id, MemberAct::Join(""));
    assert_eq!(again, Err(GroupError::NothingToDo));
    app.change_members(EVE, &id, MemberAct::Leave).unwrap();
    let absent = GroupChange::Absent;
    assert_eq!(
        told(&mut app),
        [
            line("eve", true, GroupChange::Left),
            line("ann", false, absent),
            line("bob", false, absent)
        ]
    );
}

#[test]
fn a_closed_group_answers_who_asks_and_a_private_one_is_not_asked() {
    let mut app = app();
    let private = group(&mut app, Entry::default());
    let refused = app.change_members(EVE, &private, MemberAct::Join(""));
    assert_eq!(refused, Err(GroupError::NotAllowed));
    let entry = Entry {
        door: Door::Guarded,
        ..Entry::default()
    };
    let id = group(&mut app, entry);
    app.change_members(EVE, &id, MemberAct::Join("please")).unwrap();
    let asked = GroupChange::Asked;
    assert_eq!(
        told(&mut app),
        [line("ann", false, asked), line("eve", true, asked)]
    );
    let answer = MemberAct::Answer("eve", true, "");
    assert_eq!(app.change_members(BOB, &id, answer), Err(GroupError::NotAllowed));
    app.change_members(ANN, &id, answer).unwrap();
    assert!(app.group(&id).unwrap().members.contains("eve"));
    assert_eq!(app.change_members(ANN, &id, answer), Err(GroupError::NothingToDo));
}

#[test]
fn whoever_is_invited_may_be_asked_first() {
    let mut app = app();
    let entry = Entry {
        invite_confirm: true,
        ..Entry::default()
    };
    let id = group(&mut app, entry);
    assert_eq!(
        app.change_members(BOB, &id, MemberAct::Invite("eve")),
        Err(GroupError::NotAllowed),
        "only leaders invite here"
    );
    app.change_members(ANN, &id, MemberAct::Invite("eve")).unwrap();
    assert!(!app.group(&id).unwrap().members.contains("eve"));
    app.change_members(EVE, &id, MemberAct::AnswerInvitation(false))
        .unwrap();
    let late = app.change_members(EVE, &id, MemberAct::AnswerInvitation(true));
    assert_eq!(late, Err(GroupError::NothingToDo));
    app.change_members(ANN, &id, MemberAct::Invite("eve")).unwrap();
    app.change_members(EVE, &id, MemberAct::AnswerInvitation(true))
        .unwrap();
    assert!(app.group(&id).unwrap().members.contains("eve"));
}

#[test]
fn who_is_blocked_does_not_come_back() {
    let mut app = app();
    let entry = Entry {
        door: Door::Open,
        ..Entry::default()
    };
    let id = group(&mut app, entry);
    app.change_members(ANN, &id, MemberAct::Block("bob")).unwrap();
    let back = app.change_members(BOB, &id, MemberAct::Join(""));
    assert_eq!(back, Err(GroupError::NotAllowed));
    app.change_members(ANN, &id, MemberAct::Unblock("bob")).unwrap();
    app.change_members(BOB, &id, MemberAct::Join("")).unwrap();
}

#[test]
fn roles_decide_who_may_speak_and_who_may_rule() {
    let mut app = app();
    let id = group(&mut app, Entry::default());
    assert_eq!(
        app.change_role(BOB, &id, RoleAct::MuteAll(true)),
        Err(GroupError::NotAllowed)
    );
    app.change_role(ANN, &id, RoleAct::Mute("bob", 100)).unwrap();
    assert_eq!(app.listeners("bob", &id, 99), Err(Silence::Muted));
    assert_eq!(app.listeners("bob", &id, 100).unwrap(), ["ann", "bob"]);
    app.change_role(ANN, &id, RoleAct::MuteAll(true)).unwrap();
    assert_eq!(app.listeners("bob", &id, 100), Err(Silence::Muted));
    assert!(app.listeners("ann", &id, 100).is_ok());
    app.change_role(ANN, &id, RoleAct::AddAdmin("bob")).unwrap();
    assert!(app.listeners("bob", &id, 100).is_ok(), "an admin may speak");
    app.change_role(BOB, &id, RoleAct::MuteAll(false)).unwrap();
    assert_eq!(
        app.change_role(BOB, &id, RoleAct::RemoveAdmin("bob")),
        Err(GroupError::NotAllowed),
        "admins are the owner's business"
    );
    app.change_role(ANN, &id, RoleAct::SetOwner("bob")).unwrap();
    assert_eq!(app.group(&id).unwrap().owner, "bob");
    assert_eq!(
        app.change_role(BOB, &id, RoleAct::AddAdmin("eve")),
        Err(GroupError::NoMember)
    );
    assert_eq!(app.listeners("eve", &id, 1), Err(Silence::NoMember));
    assert_eq!(app.listeners("eve", "nothing", 1), Err(Silence::NoGroup));
}

#[test]
fn attributes_are_ones_own_unless_one_leads() {
    let mut app = app();
    let id = group(&mut app, Entry::default());
    let red = || BTreeMap::from([("colour".to_owned(), "red".to_owned())]);
    app.set_member_attributes(BOB, &id, "bob", red()).unwrap();
    app.set_member_attributes(ANN, &id, "bob", red()).unwrap();
    assert_eq!(
        app.set_member_attributes(BOB, &id, "ann", red()),
        Err(GroupError::NotAllowed)
    );
    assert_eq!(
        app.set_member_attributes(EVE, &id, "eve", red()),
        Err(GroupError::NoMember)
    );
}

#[test]
fn the_app_puts_somebody_in_who_is_not_asked() {
    let mut app = app();
    let entry = Entry {
        invite_confirm: true,
        ..Entry::default()
    };
    let id = group(&mut app, entry);
    app.change_members(ANN, &id, MemberAct::Add("EVE")).unwrap();
    assert!(app.groups.all[&id].members.contains("eve"));
    assert_eq!(
        told(&mut app),
        [
            line("eve", false, GroupChange::DirectlyJoined),
            line("bob", false, GroupChange::Present)
        ]
    );
    for (user, error) in [("eve", GroupError::NothingToDo), ("nobody", GroupError::Nothing)] {
        assert_eq!(app.change_members(ANN, &id, MemberAct::Add(user)), Err(error));
    }
    app.change_members(ANN, &id, MemberAct::Block("eve")).unwrap();
    let blocked = app.change_members(ANN, &id, MemberAct::Add("eve"));
    assert_eq!(blocked, Err(GroupError::NotAllowed));
}

#[test]
fn groups_are_listed_page_by_page_newest_first() {
    let mut app = app();
    let ids: Vec<String> = (0..3).map(|_| group(&mut app, Entry::default())).collect();
    let names = |page: &[(&String, &Group)]| page.iter().map(|(id, _)| (*id).clone()).collect::<Vec<_>>();
    let (first, next) = app.groups.page(None, 2);
    assert_eq!(names(&first), [ids[2].clone(), ids[1].clone()]);
    let (last, end) = app.groups.page(next.map(String::as_str), 2);
    assert_eq!((names(&last), end), (vec![ids[0].clone()], None));
    assert_eq!(
        names(&app.groups.of("bob")),
        [ids[2].clone(), ids[1].clone(), ids[0].clone()]
    );
    assert!(app.groups.of("eve").is_empty());
}
