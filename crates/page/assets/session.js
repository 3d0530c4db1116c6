// Data of this tab until it is closed: the token, and the training that was requested here. And for an hour, for all tabs:
// the sign-ins that this browser began.

const TOKEN = 'lemon.token';
const TRAINING = 'lemon.training';

const BEGUN = 'lemon.begun';
const MOST_BEGUN = 16;
const BEGUN_FOR_S = 3600;

/**
 * Remembers, for all tabs and for replicas at other ports, that this browser began a sign-in, and whether the person wants
 * to change the account by it.
 */
export function began(token, { asOther }) {
  const all = [{ token, asOther }, ...begun()].slice(0, MOST_BEGUN);
  const value = encodeURIComponent(JSON.stringify(all));
  document.cookie = `${BEGUN}=${value}; Path=/; Max-Age=${BEGUN_FOR_S}; SameSite=Lax`;
}

/** What this browser remembers of a sign-in that it began. */
export function begunWith(requestToken) {
  return begun().find(({ token }) => token === requestToken);
}

function begun() {
  const cookie = document.cookie.split('; ').find((one) => one.startsWith(`${BEGUN}=`));
  try {
    return JSON.parse(decodeURIComponent(cookie.slice(BEGUN.length + 1)));
  } catch {
    return [];
  }
}

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
