/// The items of a list that the server returns in pages.
///
/// The first page is fetched when the first item is requested, every other page when the
/// one before is used up. An error ends the sequence; a new iteration starts from the first
/// page. The sequence ends with the last page, and also if the server returns the cursor
/// that it received.
public struct PagedSequence<Element: Sendable>: AsyncSequence, Sendable {
  /// One page, and the cursor of the next one: nil or empty on the last.
  public typealias Page = (items: [Element], next: String?)

  private let fetch: @Sendable (_ cursor: String?) async throws -> Page

  /// `fetch` returns the page at a cursor, the first page for nil.
  public init(fetch: @escaping @Sendable (_ cursor: String?) async throws -> Page) {
    self.fetch = fetch
  }

  public func makeAsyncIterator() -> Iterator {
    Iterator(fetch: fetch)
  }

  public struct Iterator: AsyncIteratorProtocol {
    fileprivate let fetch: @Sendable (String?) async throws -> Page
    private var items: ArraySlice<Element> = []
    private var cursor: String?
    private var ended = false

    fileprivate init(fetch: @escaping @Sendable (String?) async throws -> Page) {
      self.fetch = fetch
    }

    public mutating func next() async throws -> Element? {
      while items.isEmpty {
        if ended { return nil }
        ended = true
        try Task.checkCancellation()
        let page = try await fetch(cursor)
        items = page.items[...]
        ended = page.next?.isEmpty != false || page.next == cursor
        cursor = page.next
      }
      return items.removeFirst()
    }
  }
}
