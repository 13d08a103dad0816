// Methods of the SDK that the sandbox answers with 404, and why. A method that is here and works fails the sweep.
export const missing = {
  getSupportedLanguages: "translation is another service (Microsoft's), which the app has to subscribe to",
  translateMessage: "the same; an invented translation would be worse than none",
  voiceMessageToText: "speech recognition is another service",
  voiceFileToText: "the same",
  getRTCToken: "calls are another service (Agora RTC), whose tokens would open nothing here",
  getUserIdByRTCUIds: "the same",
  reportMessage: "reports go to moderators in the console, which the sandbox does not have",
};
