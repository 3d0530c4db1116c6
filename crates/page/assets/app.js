// Controls the page: sign in, register, wait, delete, sign out.

import * as api from './api.js';
import * as session from './session.js';
import { at, phase, show } from './view.js';
import { change } from './words.js';

const LOOK_EVERY_MS = 1000;
/** Other people take places, and a place that is given back is counted a little later. */
const COUNT_EVERY_MS = 10_000;
const trainingSeconds = Number(document.documentElement.dataset.trainingSeconds);
/** The number of checks for the notification after the training is ready. */
const LOOKS = 30;
/** Codes of problems that have their own text. */
const WORDED = [
  'cooldown_active',
  'daily_quota_exhausted',
  'quota_exhausted',
  'twitter_access_revoked',
  'twitter_account_suspended',
];

const NOBODY = {
  isSignedIn: false,
  profile: undefined,
  // `null` means that there is none, `undefined` that it is not known yet.
  registration: undefined,
  canUseAt: undefined,
  training: null,
  notification: undefined,
};

const state = { ...NOBODY, places: undefined, message: undefined, busy: false };

/** The attempt to register whose outcome is unknown. */
let attempt;
let timer;
let counting;

function update(change) {
  Object.assign(state, change);
  show(state);
}

function tell(name, values) {
  update({ message: { name, values } });
}

function setTraining(training) {
  session.keepTraining(training);
  update({ training });
}

/** Runs one action at a time, and shows its error as a message. */
async function act(work) {
  if (state.busy) return;
  const focused = document.activeElement;
  update({ busy: true, message: undefined });
  try {
    await work();
  } catch (error) {
    fail(error);
  } finally {
    update({ busy: false });
    // If the focused element is gone, move the focus, so that a screen reader continues in the same place.
    if (!focused.checkVisibility() && state.isSignedIn) at('learn-me-title').focus();
    watch();
  }
}

function fail(error) {
  if (!(error instanceof api.Problem)) throw error;
  if (error.code === 'abandoned') return;
  if (error.status === 401) {
    leave('session_ended');
    return;
  }
  if (error.canUseAt) update({ canUseAt: error.canUseAt });
  update({ message: { ...words(error), isFault: true } });
}

function words({ status, code, canUseAt, retryAt }) {
  const values = { time: canUseAt ?? retryAt, code };
  if (WORDED.includes(code)) return { name: code, values };
  if (status === 429) return { name: 'too_many_requests' };
  if (status >= 500) return { name: 'unavailable' };
  return { name: status === 0 ? 'unreachable' : 'failed', values };
}

function leave(why) {
  session.end();
  api.abandon();
  attempt = undefined;
  for (const dialog of ['confirmation', 'change']) if (at(dialog).open) at(dialog).close();
  update({ ...NOBODY, message: { name: why } });
  at('welcome-title').focus();
}

async function goToTwitter({ asOther }) {
  location.assign(await api.signInUrl({ asOther }));
}

/** Handles the return from Twitter, with a verifier or after a cancel. After a cancel an earlier sign-in stays. */
async function comeBack(query) {
  let message;
  try {
    message = await signInWith(query);
    // Not before: a call that got no answer is repeated by a reload.
    history.replaceState(null, '', location.pathname);
  } finally {
    if (session.token()) await enter();
  }
  if (message.name === 'signed_in') at('name').focus();
  update({ message });
}

async function signInWith(query) {
  if (query.has('denied')) return { name: 'sign_in_cancelled' };
  // Somebody else may have begun it, to have this person act as them.
  const begun = session.begunWith(query.get('oauth_token'));
  if (!begun) return { name: 'sign_in_foreign', isFault: true };
  if (session.token() && !begun.asOther && !(await wantsToChange())) return { name: 'sign_in_kept' };
  try {
    session.begin(await api.signIn(query.get('oauth_token'), query.get('oauth_verifier')));
    return { name: 'signed_in' };
  } catch (error) {
    if (!(error instanceof api.Problem) || error.isOpen) throw error;
    return { name: 'sign_in_failed', isFault: true };
  }
}

/** Asks a person who is signed in whether to sign in as whom Twitter has sent back. */
function wantsToChange() {
  const dialog = at('change');
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

async function enter() {
  update({ isSignedIn: true, training: session.training() });
  await together(loadProfile(), loadRegistration());
}

/** Waits for all, so that a failed load does not prevent the others from being shown. */
async function together(...loads) {
  const failed = (await Promise.allSettled(loads)).find((load) => load.status === 'rejected');
  if (failed) throw failed.reason;
}

async function loadProfile() {
  update({ profile: await api.profile() });
}

async function loadPlaces() {
  const places = await api.places();
  // Nobody but who is signed in is told of a cooldown.
  const isPersonal = places.resetAt !== undefined;
  update({ places, canUseAt: isPersonal ? places.canUseAt : state.canUseAt });
}

/** Reloads the places regularly while the page is visible. After a failure it tries again. */
function keepCounting() {
  clearTimeout(counting);
  if (document.hidden) return;
  counting = setTimeout(() => loadPlaces().catch(() => {}).then(keepCounting), COUNT_EVERY_MS);
}

async function loadRegistration() {
  const registration = await api.registration();
  update({ registration });
  if (!registration || registration.state === 'failed') {
    setTraining(null);
    return;
  }
  if (registration && !registration.ready && !state.training) {
    setTraining({ again: false, seen: await seen(), looks: LOOKS });
  }
  if (registration?.ready) await loadNotification();
}

async function seen() {
  return (await api.notifications(session.twitterId())).map((one) => one.id);
}

/** Finds the notification of the latest training. While a training runs, only a new notification belongs to it. */
async function loadNotification() {
  const { training } = state;
  const all = await api.notifications(session.twitterId());
  const notification = all.find((one) => !training?.seen.includes(one.id));
  update({ notification });
  if (!training) return;
  const looks = training.looks - 1;
  setTraining(notification || looks <= 0 ? null : { ...training, looks });
}

/** Checks regularly while something is expected and the page is visible. */
function watch() {
  clearTimeout(timer);
  if (!document.hidden && state.isSignedIn && state.training) timer = setTimeout(look, LOOK_EVERY_MS);
}

async function look() {
  const before = phase(state);
  const was = state.registration?.state;
  try {
    await loadRegistration();
    const is = state.registration?.state;
    if (was !== 'failed' && is === 'failed') {
      tell('now_failed');
      await loadPlaces();
    } else if (before !== 'ready' && phase(state) === 'ready') {
      tell('now_ready');
    }
    if (state.message?.name === 'unreachable') update({ message: undefined });
  } catch (error) {
    fail(error);
  }
  watch();
}

async function register() {
  attempt ??= uuid();
  const before = await seen();
  let place;
  try {
    place = await api.register(attempt);
  } catch (error) {
    if (!error.isOpen) attempt = undefined;
    // What refused the person is told, whether or not the places can be.
    if (error.status === 429) await loadPlaces().catch(() => {});
    throw error;
  }
  attempt = undefined;
  setTraining({
    since: Date.now(),
    again: Boolean(state.registration?.ready),
    seen: before,
    looks: LOOKS + Math.ceil(trainingSeconds),
  });
  tell('registered', { position: place.register_count, limit: place.register_limit });
  await together(loadRegistration(), loadPlaces());
}

/** A random key for one attempt. `crypto.randomUUID` is missing on a page that comes over plain HTTP from another host. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function publish(isPublic) {
  const { registration } = state;
  update({ registration: { ...registration, public: isPublic } });
  try {
    await api.publish(isPublic);
  } catch (error) {
    update({ registration });
    throw error;
  }
  tell(isPublic ? 'now_public' : 'now_private');
}

async function remove() {
  at('confirmation').close();
  await api.remove();
  session.keepTraining(null);
  update({
    registration: null,
    canUseAt: state.registration?.canUseAt,
    training: null,
    notification: undefined,
  });
  tell('deleted');
  await loadPlaces();
}

function listen() {
  at('language').addEventListener('click', () => {
    change();
    show(state);
  });
  at('sign-in').addEventListener('click', () => act(() => goToTwitter({ asOther: false })));
  at('somebody-else').addEventListener('click', () => act(() => goToTwitter({ asOther: true })));
  at('sign-out').addEventListener('click', () => {
    api.signOut();
    leave('signed_out');
  });
  at('register').addEventListener('click', () => act(register));
  at('public').addEventListener('change', ({ target: { checked } }) => act(() => publish(checked)));
  at('delete').addEventListener('click', () => at('confirmation').showModal());
  at('stay').addEventListener('click', () => at('change').close('no'));
  at('switch').addEventListener('click', () => at('change').close('yes'));
  at('keep').addEventListener('click', () => at('confirmation').close());
  at('confirm').addEventListener('click', () => act(remove));
  document.addEventListener('visibilitychange', watch);
  document.addEventListener('visibilitychange', keepCounting);
  // If the person returns from Twitter with the browser's back button, the page is in the state in which it was left.
  window.addEventListener('pageshow', ({ persisted }) => persisted && update({ busy: false }));
}

/** Where a sign-in would end, if that is under another name of this machine than the page's. */
function elsewhere() {
  const { home } = document.documentElement.dataset;
  const isHere = /^(127\..*|\[::1\]|(.*\.)?localhost)$/.test(location.hostname);
  if (!home || !isHere) return undefined;
  const { origin, port } = new URL(home);
  return origin !== location.origin && port === location.port ? home : undefined;
}

function start() {
  const home = elsewhere();
  if (home) {
    location.replace(home);
    return;
  }
  listen();
  show(state);
  keepCounting();
  const query = new URLSearchParams(location.search);
  act(async () => {
    const person = query.has('denied') || query.has('oauth_verifier')
      ? comeBack(query)
      : session.token() && enter();
    await together(person, loadPlaces());
  });
}

start();
