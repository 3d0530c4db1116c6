// What this tab keeps until it is closed: the token, and the training that was asked for here.

const TOKEN = 'lemon.token';
const TRAINING = 'lemon.training';

/** The token, if somebody is signed in. */
export function token() {
  return sessionStorage.getItem(TOKEN);
}

/** Keeps a fresh token. */
export function begin(fresh) {
  sessionStorage.clear();
  sessionStorage.setItem(TOKEN, fresh);
}

/** Forgets everything. */
export function end() {
  sessionStorage.clear();
}

/** The person's Twitter id, as the token has it. */
export function twitterId() {
  const payload = token().split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
  return JSON.parse(atob(payload)).oauth_token;
}

/**
 * The training in progress: since when (milliseconds, absent if it was asked for elsewhere), whether an earlier one is
 * ready meanwhile, the notifications that were there before, and how often to look for the new one.
 */
export function training() {
  return JSON.parse(sessionStorage.getItem(TRAINING));
}

/** Keeps the training in progress; `null` ends it. */
export function keepTraining(training) {
  sessionStorage.setItem(TRAINING, JSON.stringify(training));
}
