/** @param {string} guest - the name that the server has given */
export const welcomeText = (guest) => `You are ${guest}. What shall we call you?`;
