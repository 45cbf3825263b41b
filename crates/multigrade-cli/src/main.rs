mod html;

fn main(){}
