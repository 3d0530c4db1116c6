use super::{Person, mix};

/// A profile picture: a circle of the person's own colour with their initial.
pub(crate) fn avatar(person: Person, pixels: u32) -> String {
    let hue = hue(person);
    let initial = person.name().chars().next().unwrap_or('?');
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{pixels}" height="{pixels}" viewBox="0 0 400 400"><rect width="400" height="400" fill="hsl({hue},70%,88%)"/><circle cx="200" cy="200" r="150" fill="hsl({hue},60%,42%)"/><text x="200" y="200" fill="#fff" font-family="sans-serif" font-size="170" text-anchor="middle" dominant-baseline="central">{initial}</text></svg>"##
    )
}

/// A banner: hills in the person's colours.
pub(crate) fn banner(person: Person) -> String {
    let (hue, other) = (hue(person), (hue(person) + 60) % 360);
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="1500" height="500" viewBox="0 0 1500 500"><rect width="1500" height="500" fill="hsl({hue},70%,90%)"/><circle cx="1200" cy="150" r="80" fill="hsl(50,95%,65%)"/><path d="M0 400 Q 375 200 750 380 T 1500 330 V 500 H 0 Z" fill="hsl({other},45%,60%)"/><path d="M0 460 Q 400 330 800 450 T 1500 420 V 500 H 0 Z" fill="hsl({hue},50%,45%)"/></svg>"#
    )
}

fn hue(person: Person) -> u64 {
    mix(u64::from(person.number()) ^ 0x1e30_4e00) % 360
}
