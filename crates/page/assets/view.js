// Renders the state. Only this file writes to the document.

import { count, other, say, shown, stretch, time } from './words.js';

const trainingSeconds = Number(document.documentElement.dataset.trainingSeconds);

/** The text of the badge in phases that have no text of the same name. */
const BADGES = { again: 'training', failed: 'not_finished' };

/** The element with this id. */
export const at = (id) => document.getElementById(id);

/**
 * The phase: `none`, `training`, `again` (an earlier training is ready meanwhile), `ready`, or `failed` (and nothing is
 * ready).
 */
export function phase({ registration, training }) {
  if (!registration) return 'none';
  if (!registration.ready) return registration.state === 'failed' ? 'failed' : 'training';
  return training?.again ? 'again' : 'ready';
}

/** Renders the state. */
export function show(state) {
  showWords();
  showMessage(state.message);
  showWelcome(state);
  showProfile(state.profile);
  showPlaces(state.places);
  showLearnMe(state);
  for (const button of document.querySelectorAll('.primary, .danger')) {
    // Not `disabled`, because that would remove the focus.
    button.ariaDisabled = state.busy ? 'true' : null;
  }
}

function showWords() {
  document.documentElement.lang = shown();
  for (const element of document.querySelectorAll('[data-t]')) {
    write(element, say(element.dataset.t));
  }
  const { tag, name } = other();
  at('language').lang = tag;
  write(at('language'), name);
}

function showMessage(message) {
  const region = at('message');
  const text = message ? say(message.name, message.values) : '';
  // Screen readers read a live region when it changes, so change it only if the message is new.
  if (region.textContent === text) return;
  region.replaceChildren();
  if (!text) return;
  const line = document.createElement('p');
  line.textContent = text;
  line.className = message.isFault ? 'fault' : '';
  region.append(line);
}

function showWelcome({ isSignedIn }) {
  document.body.classList.toggle('signed-in', isSignedIn);
  at('welcome').hidden = isSignedIn;
  at('sign-out').hidden = !isSignedIn;
}

function showProfile(profile) {
  at('profile').hidden = !profile;
  if (!profile) return;
  const name = profile.screen_nickname || profile.screen_name;
  write(at('name'), name);
  write(at('handle'), `@${profile.screen_name}`);
  write(at('bio'), profile.user_bio);
  write(at('following'), count(profile.following_count));
  write(at('followers'), count(profile.follower_count));
  showPicture(at('picture'), profile.profile_image_url, say('picture_of', { name }));
  showPicture(at('banner'), profile.banner_image_url, say('banner_of', { name }));
}

function showPicture(image, url, alt) {
  image.hidden = !url;
  image.alt = alt;
  if (url && image.src !== url) image.src = url;
}

function showPlaces(places) {
  at('places').hidden = !places;
  if (!places) return;
  const values = { taken: places.register_count, limit: places.register_limit };
  showProgress('places', { value: values.taken, max: values.limit }, say('places_taken', values));
}

function showLearnMe(state) {
  const { registration } = state;
  const now = phase(state);
  const isReady = now === 'ready';
  at('learn-me').hidden = registration === undefined;
  at('learn-me').dataset.phase = now;
  write(at('badge'), say(BADGES[now] ?? now));
  write(at('learn-me-text'), about(now, state));
  at('training').hidden = now !== 'training' && now !== 'again';
  showTraining(state.training);
  showNotification(isReady ? state.notification : undefined, state.profile);
  at('public-choice').hidden = !isReady;
  at('public').checked = Boolean(registration?.public);
  const mayAsk = (now === 'none' || now === 'failed' || isReady) && !isCoolingDown(state);
  at('register').hidden = !mayAsk || state.places?.can_use === false;
  write(at('register'), say(isReady ? 'register_again' : 'register'));
  at('delete').hidden = !registration;
  write(at('confirmation-text'), say('confirm_text', { time: registration?.canUseAt ?? '' }));
}

function about(now, state) {
  const isCooling = isCoolingDown(state);
  const { places } = state;
  if (!isCooling && places?.can_use === false) {
    const areTaken = places.register_count >= places.register_limit;
    const opens = areTaken ? places.resetAt : undefined;
    if (now === 'ready' && opens) return say('about_ready', { time: opens });
    if (now === 'none' || now === 'failed') {
      return opens ? say('daily_quota_exhausted', { time: opens }) : say('no_room');
    }
  }
  if (now === 'ready' && state.registration.state === 'failed') return say('about_failed_again');
  const names = {
    none: isCooling ? 'about_cooldown' : 'about_none',
    training: 'about_training',
    again: 'about_again',
    failed: 'about_failed',
    ready: isCooling ? 'about_ready' : 'about_ready_open',
  };
  return say(names[now], { time: canUseAt(state) });
}

function canUseAt({ registration, canUseAt }) {
  return registration?.canUseAt ?? canUseAt;
}

function isCoolingDown(state) {
  // The end is rounded up to whole seconds. After a failed training the cooldown is over already.
  if (state.registration?.state === 'failed') return false;
  return canUseAt(state) > Date.now();
}

function showTraining(training) {
  if (!training?.since) {
    showProgress('training', {}, say('unknown_left', { whole: stretch(trainingSeconds) }));
    return;
  }
  const gone = (Date.now() - training.since) / 1000;
  const left = trainingSeconds - gone;
  const text = left > 0 ? say('time_left', { left: stretch(left) }) : say('nearly');
  showProgress('training', { value: Math.min(gone, trainingSeconds), max: trainingSeconds }, text);
}

/** Without a value, the bar only shows that something is under way. */
function showProgress(name, { value, max }, text) {
  const bar = at(`${name}-bar`);
  if (value === undefined) {
    bar.removeAttribute('value');
  } else {
    bar.max = max;
    bar.value = value;
  }
  bar.ariaValueText = text;
  write(at(`${name}-text`), text);
}

function showNotification(notification, profile) {
  at('notification').hidden = !notification;
  if (!notification) return;
  write(at('notification-text'), notification.text);
  write(at('notification-from'), profile ? `@${profile.screen_name}` : 'Twitter');
  at('notification-time').dateTime = notification.created_at;
  write(at('notification-time'), time(new Date(notification.created_at)));
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
