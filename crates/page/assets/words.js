// The texts of the page in each language, and the formats of numbers and times.

const WORDS = {
  en: {
    skip: 'Skip to the content',
    sign_out: 'Sign out',
    welcome: 'A chatbot that talks like you',
    intro:
      'Sign in with Twitter and register for Learn Me. It reads your tweets, learns how you write, and tells you when it is ready.',
    sign_in: 'Sign in with Twitter',
    sandbox_note: 'This is a sandbox. Its Twitter, and everybody on it, is made up.',
    timeline: 'Its timeline',
    somebody_else: 'Sign in as somebody else',
    following: 'Following',
    followers: 'Followers',
    picture_of: 'Picture of {name}',
    banner_of: 'Banner of {name}',
    places: 'Today’s places',
    places_taken: '{taken} of {limit} places taken today',
    none: 'Not registered',
    training: 'Training',
    ready: 'Ready',
    not_finished: 'Not finished',
    about_none: 'Learn Me trains a chatbot on your tweets. It takes one of today’s places.',
    about_cooldown: 'You can register again from {time}.',
    about_training: 'Learn Me is reading your tweets and learning how you write.',
    about_again: 'Learn Me is learning again. Your earlier chatbot stays ready meanwhile.',
    about_ready: 'Your chatbot is ready. You can have it trained again from {time}.',
    about_ready_open: 'Your chatbot is ready. You can have it trained again.',
    about_failed: 'The training did not finish. You can register again at once, without a wait.',
    about_failed_again:
      'The training did not finish. Your earlier chatbot stays ready, and you can have it trained again at once.',
    time_left: 'About {left} left',
    nearly: 'Nearly there',
    unknown_left: 'This takes about {whole}',
    register: 'Register for Learn Me',
    register_again: 'Train again',
    notification: 'The notification',
    public: 'Public',
    public_hint: 'Others may talk with your chatbot.',
    delete: 'Delete',
    confirm_title: 'Delete your chatbot?',
    confirm_text:
      'What Learn Me learnt from you is deleted. The wait stays the same: you can register again from {time}.',
    change_title: 'Sign in as somebody else?',
    change_text:
      'You are signed in already. If you go on, this page changes to the account with which you came back from Twitter.',
    stay: 'Stay signed in',
    switch: 'Change',
    keep: 'Keep it',
    confirm: 'Delete it',
    signed_in: 'You are signed in.',
    signed_out: 'You are signed out.',
    sign_in_cancelled: 'You cancelled the sign-in. Nothing has changed.',
    sign_in_foreign: 'This sign-in was not begun here. Please start again.',
    sign_in_kept: 'You are still signed in as before.',
    sign_in_failed: 'The sign-in failed. Please start again.',
    session_ended: 'Your sign-in has ended. Please sign in again.',
    registered: 'You are registered: today’s place {position} of {limit}.',
    now_failed: 'The training did not finish.',
    now_ready: 'Your chatbot is ready.',
    now_public: 'Your chatbot is public now.',
    now_private: 'Only you can use your chatbot now.',
    deleted: 'Your chatbot is deleted.',
    cooldown_active: 'You have already registered. You can register again from {time}.',
    daily_quota_exhausted: 'Today’s places are all taken. New ones open {time}.',
    no_room: 'There are no places left at the moment.',
    quota_exhausted: 'There are no places left at the moment. Please try again {time}.',
    twitter_access_revoked: 'Twitter no longer gives this app access. Please sign in again.',
    twitter_account_suspended: 'Twitter has suspended or locked the account.',
    too_many_requests: 'There were too many requests. Please wait a moment and try again.',
    unavailable: 'This does not work at the moment. Please try again soon.',
    unreachable: 'The server cannot be reached. Is it running?',
    failed: 'That did not work ({code}).',
  },
  ko: {
    skip: '본문으로 건너뛰기',
    sign_out: '로그아웃',
    welcome: '나처럼 말하는 챗봇',
    intro:
      '트위터로 로그인하고 Learn Me를 신청하세요. 내 트윗을 읽고 말투를 배운 다음, 준비되면 알려 드려요.',
    sign_in: '트위터로 로그인',
    sandbox_note: '이곳은 샌드박스예요. 여기의 트위터와 사람들은 모두 가상이에요.',
    timeline: '타임라인 보기',
    somebody_else: '다른 사람으로 로그인',
    following: '팔로잉',
    followers: '팔로워',
    picture_of: '{name}님의 프로필 사진',
    banner_of: '{name}님의 배경 사진',
    places: '오늘의 자리',
    places_taken: '오늘 {limit}자리 중 {taken}자리가 찼어요',
    none: '신청 전',
    training: '학습 중',
    ready: '준비 완료',
    not_finished: '학습 실패',
    about_none: 'Learn Me는 내 트윗으로 챗봇을 학습시켜요. 오늘의 자리 하나를 사용해요.',
    about_cooldown: '{time}부터 다시 신청할 수 있어요.',
    about_training: 'Learn Me가 트윗을 읽고 말투를 배우고 있어요.',
    about_again: 'Learn Me가 다시 배우고 있어요. 그동안 이전 챗봇을 그대로 쓸 수 있어요.',
    about_ready: '챗봇이 준비됐어요. {time}부터 다시 학습시킬 수 있어요.',
    about_ready_open: '챗봇이 준비됐어요. 지금 다시 학습시킬 수 있어요.',
    about_failed: '학습을 끝내지 못했어요. 기다리지 않고 바로 다시 신청할 수 있어요.',
    about_failed_again:
      '학습을 끝내지 못했어요. 이전 챗봇은 그대로 쓸 수 있고, 바로 다시 학습시킬 수 있어요.',
    time_left: '약 {left} 남았어요',
    nearly: '거의 다 됐어요',
    unknown_left: '약 {whole} 걸려요',
    register: 'Learn Me 신청하기',
    register_again: '다시 학습시키기',
    notification: '알림',
    public: '공개',
    public_hint: '다른 사람도 내 챗봇과 대화할 수 있어요.',
    delete: '삭제',
    confirm_title: '챗봇을 삭제할까요?',
    confirm_text:
      'Learn Me가 배운 내용이 모두 삭제돼요. 대기 기간은 그대로라서 {time}부터 다시 신청할 수 있어요.',
    change_title: '다른 계정으로 로그인할까요?',
    change_text: '이미 로그인되어 있어요. 계속하면 방금 트위터에서 돌아온 계정으로 바뀌어요.',
    stay: '그대로 있기',
    switch: '바꾸기',
    keep: '그대로 두기',
    confirm: '삭제하기',
    signed_in: '로그인했어요.',
    signed_out: '로그아웃했어요.',
    sign_in_cancelled: '로그인을 취소했어요. 바뀐 것은 없어요.',
    sign_in_foreign: '이 브라우저에서 시작한 로그인이 아니에요. 처음부터 다시 해 주세요.',
    sign_in_kept: '이전 계정으로 로그인되어 있어요.',
    sign_in_failed: '로그인하지 못했어요. 처음부터 다시 해 주세요.',
    session_ended: '로그인이 만료됐어요. 다시 로그인해 주세요.',
    registered: '신청했어요. 오늘 {limit}자리 중 {position}번째예요.',
    now_failed: '학습을 끝내지 못했어요.',
    now_ready: '챗봇이 준비됐어요.',
    now_public: '이제 챗봇이 공개돼요.',
    now_private: '이제 챗봇은 나만 볼 수 있어요.',
    deleted: '챗봇을 삭제했어요.',
    cooldown_active: '이미 신청했어요. {time}부터 다시 신청할 수 있어요.',
    daily_quota_exhausted: '오늘의 자리가 모두 찼어요. 새 자리는 {time}에 열려요.',
    no_room: '지금은 자리가 없어요.',
    quota_exhausted: '지금은 자리가 없어요. {time}에 다시 시도해 주세요.',
    twitter_access_revoked: '트위터가 이 앱의 접근을 막았어요. 다시 로그인해 주세요.',
    twitter_account_suspended: '트위터가 이 계정을 정지하거나 잠갔어요.',
    too_many_requests: '요청이 너무 빨라요. 잠시 뒤에 다시 시도해 주세요.',
    unavailable: '지금은 이용할 수 없어요. 잠시 뒤에 다시 시도해 주세요.',
    unreachable: '서버에 연결할 수 없어요. 서버가 켜져 있나요?',
    failed: '처리하지 못했어요({code}).',
  },
};

const KEPT_AS = 'lemon.language';

let language = kept() ?? preferred();

function kept() {
  const value = localStorage.getItem(KEPT_AS);
  return value in WORDS ? value : undefined;
}

function preferred() {
  const wanted = navigator.languages.map((tag) => tag.split('-')[0]);
  return wanted.find((tag) => tag in WORDS) ?? 'en';
}

/** The language that is shown: `en` or `ko`. */
export function shown() {
  return language;
}

/** The other language, with its own name. */
export function other() {
  return language === 'en' ? { tag: 'ko', name: '한국어' } : { tag: 'en', name: 'English' };
}

/** Switches the language, and stores the choice for the next visit. */
export function change() {
  language = other().tag;
  localStorage.setItem(KEPT_AS, language);
}

/** The text of that name, with `{…}` replaced: dates and numbers in the format of the language. */
export function say(name, values = {}) {
  return WORDS[language][name].replace(/\{(\w+)\}/g, (_, key) => form(values[key]));
}

/** A number in the format of the language. */
export function count(number) {
  return new Intl.NumberFormat(language).format(number);
}

/** A day and time, in the person's time zone. */
export function time(date) {
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short' }).format(date);
}

/** A duration, in seconds or, from two minutes on, in minutes. */
export function stretch(seconds) {
  const [unit, value] = seconds < 120 ? ['second', seconds] : ['minute', seconds / 60];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' })
    .format(Math.ceil(value));
}

function form(value) {
  if (value instanceof Date) return time(value);
  return typeof value === 'number' ? count(value) : value;
}
