// Data of this tab until it is closed: the token, and the training that was requested here.

const TOKEN = 'lemon.token';
const TRAINING = 'lemon.training';

/** The token, if a person is signed in. */
export function token() {
  return sessionStorage.getItem(TOKEN);
}

/** Stores a new token and removes everything else. */
export function begin(fresh) {
  sessionStorage.clear();
  sessionStorage.setItem(TOKEN, fresh);
}

/** Removes everything. */
export function end() {
  sessionStorage.clear();
}

/** The person's Twitter id, from the token. */
export function twitterId() {
  const payload = token().split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
  return JSON.parse(atob(payload)).oauth_token;
}

/**
 * The running training: `since` (milliseconds; absent if it was requested elsewhere), whether an earlier training is
 * ready meanwhile, the notifications that existed before, and how many checks for the new one are left.
 */
export function training() {
  return JSON.parse(sessionStorage.getItem(TRAINING));
}

/** Stores the running training; `null` ends it. */
export function keepTraining(training) {
  sessionStorage.setItem(TRAINING, JSON.stringify(training));
}
