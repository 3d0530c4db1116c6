// The calls of the API, and the calls for the sandbox's notifications.

import { began, token } from './session.js';

const config = document.documentElement.dataset;
const service = `/api/service/${config.servicePath}`;

/** Longer than any deadline of the server. */
const PATIENCE_MS = 20_000;

/** A call that did not succeed. `status` is 0 if there was no answer at all. */
export class Problem extends Error {
  constructor({ status, code, canUseAt, retryAt }) {
    super(code);
    Object.assign(this, { status, code, canUseAt, retryAt });
  }

  /** The call may or may not have had its effect: repeat it with the same idempotency key. */
  get isOpen() {
    return this.status === 0 || this.status >= 500;
  }
}

let departure = new AbortController();

/** Cancels the calls of a person who leaves: their answers must not show up in the next person's page. */
export function abandon() {
  departure.abort();
  departure = new AbortController();
}

async function call(method, path, { body, headers = {} } = {}) {
  const bearer = token();
  const left = departure.signal;
  const signal = AbortSignal.any([left, AbortSignal.timeout(PATIENCE_MS)]);
  // The API knows the browser that began a sign-in by a cookie.
  const request = { method, headers: { ...headers }, signal, credentials: 'same-origin' };
  if (bearer) request.headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) {
    request.headers['Content-Type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  try {
    const answer = await fetch(path, request);
    const text = await answer.text();
    if (!answer.ok) throw problemOf(answer, text);
    return text ? JSON.parse(text) : undefined;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem({ status: 0, code: left.aborted ? 'abandoned' : 'unreachable' });
  }
}

function problemOf(answer, text) {
  const problem = parsed(text);
  const wait = Number(answer.headers.get('Retry-After') ?? NaN);
  return new Problem({
    status: answer.status,
    code: problem.code ?? String(answer.status),
    canUseAt: problem.can_use_time ? new Date(problem.can_use_time) : undefined,
    retryAt: Number.isFinite(wait) ? new Date(Date.now() + wait * 1000) : undefined,
  });
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** Where Twitter asks for consent. A person who agreed before is sent back at once, unless `asOther`. */
export async function signInUrl({ asOther }) {
  const addresses = await call('GET', '/api/oauth/twitter/request-token');
  began(addresses.token, { asOther });
  return asOther ? addresses.authorization_url : addresses.authentication_url;
}

/** Exchanges the token and verifier that Twitter sent back for a JWT. */
export async function signIn(oauth_token, oauth_verifier) {
  const body = { oauth_token, oauth_verifier };
  return (await call('POST', '/api/oauth/twitter/twitter-login', { body })).access_token;
}

/** Ends the token. The person is gone from this page whether or not the server hears of it. */
export function signOut() {
  const headers = { Authorization: `Bearer ${token()}` };
  fetch('/api/logout', { method: 'POST', headers, keepalive: true }).catch(() => {});
}

/** The person's Twitter profile. */
export function profile() {
  return call('GET', '/api/twitter/user-profile');
}

/** Today's places. A signed-in person is also told when they may ask again, and when new places open. */
export async function places() {
  const places = await call('GET', `${service}/can-use`);
  return { ...places, canUseAt: date(places.can_use_time), resetAt: date(places.reset_time) };
}

function date(time) {
  return time ? new Date(time) : undefined;
}

/** The person's registration, or `null`. */
export async function registration() {
  const all = await call('GET', '/api/service');
  const mine = all.find((one) => one.service_type === config.serviceType);
  return mine ? { ...mine, canUseAt: new Date(mine.can_use_time) } : null;
}

/** Requests a place. Repeating a call with the same key has no further effect. */
export function register(key) {
  return call('POST', service, { headers: { 'Idempotency-Key': key } });
}

/** Sets whether others may use the result. */
export function publish(isPublic) {
  return call('PUT', '/api/service', {
    body: { service_type: config.serviceType, public: isPublic },
  });
}

/** Deletes the registration and the training's result. */
export function remove() {
  return call('DELETE', service);
}

/** The sandbox Twitter's posts for a person, newest first; none if it does not answer. */
export async function notifications(twitterId) {
  const left = departure.signal;
  try {
    const answer = await fetch(`${config.sandbox}/sandbox/notifications/${twitterId}`, {
      credentials: 'omit',
      signal: AbortSignal.any([left, AbortSignal.timeout(PATIENCE_MS)]),
    });
    const all = answer.ok ? await answer.json() : [];
    return all.sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
  } catch {
    if (left.aborted) throw new Problem({ status: 0, code: 'abandoned' });
    return [];
  }
}
