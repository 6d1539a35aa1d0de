/** Request header that says what a request is for, and answers' header that says that this was heeded. In lower case. */
export const purposeHeader = "x-menagerie-purpose";

/** Purpose of the requests of a batch: nobody waits for their answers, and they say nothing about how users are served. */
export const batchPurpose = "batch";
