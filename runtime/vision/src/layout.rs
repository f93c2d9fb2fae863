//! Where the tokens of a picture lie.

/// A part of a picture, in shares of its width and height from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Window {
    /// The whole picture.
    pub const WHOLE: Self = Self {
        left: 0.0,
        top: 0.0,
        width: 1.0,
        height: 1.0,
    };
}

/// A grid of tokens over a part of the picture, encoded by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tile {
    /// Rows of tokens.
    pub rows: usize,
    /// Tokens a row.
    pub columns: usize,
    /// What it shows.
    pub window: Window,
    /// Whether it is the thumbnail: the picture that other tiles show in parts, once more as a whole.
    pub thumbnail: bool,
}

impl Tile {
    /// Tokens of the tile.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.rows * self.columns
    }
}

/// The tiles of a picture in the order of their tokens; rows of a tile follow each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The tiles.
    pub tiles: Vec<Tile>,
    /// Rows and columns that the picture was split into; none where it was not split.
    pub split: Option<[usize; 2]>,
}

/// Where a token lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Its tile.
    pub tile: usize,
    /// Row in the tile.
    pub row: usize,
    /// Column in the tile.
    pub column: usize,
    /// Its middle, x then y, in shares of the whole picture's width and height.
    pub centre: [f32; 2],
    /// Its width and height in the same shares.
    pub extent: [f32; 2],
}

impl Layout {
    /// Of a picture that is one tile.
    #[must_use]
    pub fn single(rows: usize, columns: usize, window: Window) -> Self {
        let tile = Tile {
            rows,
            columns,
            window,
            thumbnail: false,
        };
        Self {
            tiles: vec![tile],
            split: None,
        }
    }

    /// Tokens of the picture.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tiles.iter().map(Tile::tokens).sum()
    }

    /// Every token's place, in their order.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.tiles.iter().enumerate().flat_map(|(index, tile)| {
            (0..tile.tokens()).map(move |token| place(index, tile, token))
        })
    }
}

fn place(index: usize, tile: &Tile, token: usize) -> Place {
    let (row, column) = (token / tile.columns, token % tile.columns);
    let window = tile.window;
    let extent = [
        window.width / tile.columns as f32,
        window.height / tile.rows as f32,
    ];
    Place {
        tile: index,
        row,
        column,
        centre: [
            window.left + (column as f32 + 0.5) * extent[0],
            window.top + (row as f32 + 0.5) * extent[1],
        ],
        extent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_parts_and_thumbnail_cover_the_picture_alike() {
        let part = |left, top| Tile {
            rows: 2,
            columns: 2,
            window: Window {
                left,
                top,
                width: 0.5,
                height: 1.0,
            },
            thumbnail: false,
        };
        let thumbnail = Tile {
            window: Window::WHOLE,
            thumbnail: true,
            ..part(0.0, 0.0)
        };
        let layout = Layout {
            tiles: vec![part(0.0, 0.0), part(0.5, 0.0), thumbnail],
            split: Some([1, 2]),
        };
        let places: Vec<Place> = layout.places().collect();
        assert_eq!(places.len(), layout.tokens());
        assert_eq!((places[5].tile, places[5].row, places[5].column), (1, 0, 1));
        assert_eq!(places[5].centre, [0.875, 0.25]);
        assert_eq!(places[5].extent, [0.25, 0.5]);
        assert_eq!(places[11].centre, [0.75, 0.75]);
        let area = |tiles: &[usize]| {
            let of = places.iter().filter(|place| tiles.contains(&place.tile));
            of.map(|place| place.extent[0] * place.extent[1])
                .sum::<f32>()
        };
        assert!((area(&[0, 1]) - 1.0).abs() < 1e-6 && (area(&[2]) - 1.0).abs() < 1e-6);
    }
}
