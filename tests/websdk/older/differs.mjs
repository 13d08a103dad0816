// What older SDKs do in another way, by package and scenario. A scenario that is here and passes fails the test.
const NO_214 = "it has no code for a sign-in that is refused for too many devices, and says 2";
const NO_PLATFORM = "it has no option for a platform of one's own";

export const differs = {
  "easemob-websdk-4.13": {
    "a custom platform has its own place and its own name": NO_PLATFORM,
    "a limit of the app, of a custom platform": NO_PLATFORM,
    "where the newest is refused instead: 214, in single-device mode 220": NO_214,
  },
  "agora-chat": {
    "a limit of the app, of a custom platform": NO_214,
    "where the newest is refused instead: 214, in single-device mode 220": NO_214,
  },
};
